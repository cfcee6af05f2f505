"""When messages may be sent again."""

from __future__ import annotations

from airfleet.scheduler.send_backoff import BROKER_BACKOFF, SendBackoff


def test_pauses_while_the_broker_is_gone_grow_and_begin_anew_when_it_was_reached() -> None:
    backoff = SendBackoff()
    assert [backoff.broker_gone(10.0) for _ in range(4)] == [0.5, 1.0, 1.0, BROKER_BACKOFF.most]
    assert backoff.broker_at == 11.0
    backoff.broker_reached()
    assert backoff.broker_gone(20.0) == 0.5


def test_a_refused_message_rests_and_the_others_go_on() -> None:
    backoff = SendBackoff()
    backoff.message_refused("bad", 10.0)
    assert backoff.resting(10.4) == {"bad"}
    assert backoff.next_at(["bad", "good"]) == 0.0
    assert backoff.next_at(["bad"]) == 10.5
    assert backoff.resting(10.5) == set()
    backoff.forget("bad")
    assert backoff.next_at(["bad"]) == 0.0


def test_no_message_is_sent_before_the_broker_is_tried_again() -> None:
    backoff = SendBackoff()
    backoff.message_refused("bad", 0.0)
    backoff.broker_gone(10.0)
    assert backoff.next_at(["bad", "good"]) == 10.5
