"""When a message is sent again, and when it is left alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pytest
from kombu.connection import Connection

from airfleet.scheduler import message_reconciler, queue_inspector
from airfleet.scheduler.message_reconciler import (
    HELD_BACKOFF,
    LOST_BACKOFF,
    PASSING_SECONDS,
    Answer,
    Message,
    Reconciler,
)
from airfleet.scheduler.queue_inspector import Waiting


@dataclass
class Broker:
    """What a broker says of its one queue."""

    epoch: str = "first"
    waiting: Waiting = field(default_factory=lambda: Waiting(0, frozenset()))
    asked: int = 0

    def look(self, queues: Collection[str]) -> Answer:
        self.asked += 1
        return self.epoch, dict.fromkeys(queues, self.waiting)


def watching(broker: Broker, *messages: str) -> Reconciler:
    made = Reconciler(broker.look)
    for message in messages:
        made.sent(message, "q", 0.0)
    return made


def test_a_message_that_waits_is_left_alone_however_long() -> None:
    one = watching(Broker(waiting=Waiting(1, frozenset({"a"}))), "a")
    assert [one.to_send(at) for at in (10.0, 100.0, 3600.0)] == [frozenset()] * 3


def test_a_message_that_waits_nowhere_is_sent_again_with_growing_pauses() -> None:
    one = watching(Broker(), "a")
    sent = []
    for at in range(400):
        if one.to_send(float(at)):
            sent.append(at)
            one.sent("a", "q", float(at))
    assert sent == [10, 30, 70, 150, 310]


def test_a_message_that_a_worker_holds_has_longer() -> None:
    one = watching(Broker(waiting=Waiting(0, frozenset(), held=frozenset({"a"}))), "a")
    assert one.to_send(LOST_BACKOFF.first + 1) == frozenset()
    assert one.to_send(HELD_BACKOFF.first) == {"a"}


def test_another_epoch_makes_all_messages_doubtful_even_those_that_are_held() -> None:
    broker = Broker(waiting=Waiting(1, frozenset({"a"}), held=frozenset({"b"})))
    one = watching(broker, "a", "b", "c")
    assert one.to_send(5.0) == frozenset()
    broker.epoch = "second"
    assert one.to_send(6.0) == {"b", "c"}
    one.forget("b")
    one.sent("c", "q", 6.0)
    broker.waiting = Waiting(2, frozenset({"a", "c"}))
    assert one.to_send(6.0 + LOST_BACKOFF.first) == frozenset()


def test_what_was_adopted_is_asked_about_at_once_and_sent_when_it_waits_nowhere() -> None:
    broker = Broker(waiting=Waiting(1, frozenset({"a"})))
    one = Reconciler(broker.look)
    for name in ("a", "b"):
        one.adopt(name, "q", 100.0)
    assert one.is_due(100.0)
    assert one.to_send(100.0) == {"b"}


def test_a_doubted_message_that_was_just_sent_is_given_the_time_to_arrive() -> None:
    one = watching(Broker(), "a")
    one.doubt_all(0.5)
    assert one.is_due(0.5)
    assert one.to_send(0.5) == frozenset()
    assert not one.is_due(0.4 + message_reconciler.DOUBTFUL_LOOK_SECONDS)
    assert one.is_due(0.5 + message_reconciler.DOUBTFUL_LOOK_SECONDS)
    assert one.to_send(PASSING_SECONDS) == {"a"}


def test_the_broker_is_asked_with_the_first_message_of_all_so_that_one_wiped_soon_after_is_known_for_another() -> None:
    broker = Broker()
    one = watching(broker, "a")
    assert one.is_due(0.0)
    assert one.to_send(0.0) == frozenset()
    broker.epoch = "second"
    assert one.to_send(PASSING_SECONDS) == {"a"}


def test_the_broker_is_asked_only_while_something_is_watched_for_a_while() -> None:
    one = watching(Broker(), "first")
    one.to_send(0.0)
    one.forget("first")
    one.sent("a", "q", 100.0)
    assert not one.is_due(101.0)
    assert one.is_due(100.0 + message_reconciler.LOOK_SECONDS)
    one.to_send(106.0)
    assert not one.is_due(106.0 + message_reconciler.LOOK_SECONDS - 1)
    one.forget("a")
    assert not one.is_due(1000.0)


def test_between_two_looks_it_is_asked_each_second_whether_it_is_another_broker() -> None:
    broker = Broker(waiting=Waiting(1, frozenset({"a"})))
    one = watching(broker, "a")
    one.to_send(0.0)
    asked = []
    for at in (0.5, 1.0, 1.5, 2.0):
        one.notice_another_broker(at)
        asked.append(broker.asked)
    assert asked == [1, 2, 2, 3]  # with the look itself
    assert not one.is_due(2.0)
    broker.epoch = "second"
    broker.waiting = Waiting(0, frozenset())
    one.notice_another_broker(3.0)
    assert one.is_due(3.0)
    assert one.to_send(3.0) == {"a"}


def test_a_broker_that_has_no_epoch_is_not_asked_for_it_nor_is_any_while_nothing_is_watched() -> None:
    nameless, named = Broker(epoch="", waiting=Waiting(1, frozenset({"a"}))), Broker()
    for broker, watched in ((nameless, True), (named, False)):
        one = watching(broker, "a")
        one.to_send(0.0)
        if not watched:
            one.forget("a")
        one.notice_another_broker(2.0)
        assert broker.asked == 1


def test_a_doubted_message_that_was_seen_to_wait_is_doubted_no_more() -> None:
    broker = Broker(waiting=Waiting(1, frozenset({"a"})))
    one = watching(broker, "a")
    one.doubt_all(1.0)
    assert one.to_send(3.0) == frozenset()
    broker.waiting = Waiting(0, frozenset())  # a worker takes it now
    assert [one.to_send(at) for at in (5.0, LOST_BACKOFF.first - 1.0)] == [frozenset()] * 2
    assert one.to_send(LOST_BACKOFF.first) == {"a"}


def test_a_message_that_could_not_be_sent_again_is_asked_about_no_more_than_each_second() -> None:
    one = watching(Broker(), "a")
    one.came_to_nothing("a", 3.0)
    assert one.to_send(10.0) == {"a"}
    assert [one.is_due(10.0 + seconds) for seconds in (0.0, 0.9, 1.0)] == [False, False, True]


@pytest.mark.parametrize("begun_after", [0.2, 0.9])
def test_while_tasks_begin_at_once_nothing_is_asked(begun_after: float) -> None:
    broker = Broker()
    one = watching(broker, "first")
    one.to_send(0.0)
    one.forget("first")
    for second in range(1, 60):
        one.sent(f"task-{second}", "q", float(second))
        one.notice_another_broker(second + begun_after)
        one.forget(f"task-{second}")
        one.notice_another_broker(second + begun_after)
    assert broker.asked == 1


def test_where_only_numbers_are_known_a_shorter_queue_means_that_some_are_missing() -> None:
    queued = {"a": "q", "b": "q", "c": "other"}
    assert queue_inspector.missing(queued, {"q": Waiting(2), "other": Waiting(0)}) == {"c"}
    assert queue_inspector.missing(queued, {"q": Waiting(1), "other": Waiting(5)}) == {"a"}  # it was sent first
    assert queue_inspector.missing(queued, {"q": Waiting(9, of_others=8), "other": Waiting(5)}) == {"a"}
    assert queue_inspector.missing(queued, {"q": Waiting(1, of_others=3), "other": Waiting(5)}) == {"a", "b"}
    assert queue_inspector.missing(queued, {}) == {"a", "b", "c"}


@pytest.mark.parametrize(("missing_since", "sent"), [(None, False), (0.0, True)])
def test_age_alone_sends_nothing(missing_since: float | None, sent: bool) -> None:
    assert (
        message_reconciler.is_to_be_sent(Message("q", 0.0, missing_since=missing_since), 1e6, False, Waiting(0)) is sent
    )


BACKLOG = tuple(f"message-{number}" for number in range(100))


def test_of_a_queue_of_which_only_the_length_is_told_what_others_wait_for_hides_no_adopted_message() -> None:
    broker = Broker(waiting=Waiting(40))  # all of them of another scheduler
    one = Reconciler(broker.look)
    for name in ("a", "b"):
        one.adopt(name, "q", 100.0)
    assert one.to_send(100.0) == {"a", "b"}
    for name in ("a", "b"):
        one.sent(name, "q", 100.0)
    assert [one.to_send(at) for at in (105.0, 110.0, 200.0)] == [frozenset()] * 3  # once


def test_of_a_queue_of_which_only_the_length_is_told_messages_that_begin_one_after_another_are_not_sent_again() -> None:
    broker = Broker()
    one = watching(broker, *BACKLOG)
    for number, name in enumerate(BACKLOG):  # a task takes five seconds; at each look the next one is being taken
        broker.waiting = Waiting(len(BACKLOG) - number - 1)
        assert one.to_send(20.0 + 5 * number) == frozenset()
        one.forget(name)


def test_of_a_queue_of_which_only_the_length_is_told_as_many_are_sent_as_are_missing_in_two_looks() -> None:
    broker = Broker(waiting=Waiting(len(BACKLOG) - 2))
    one = watching(broker, *BACKLOG)
    assert one.to_send(20.0) == frozenset()
    assert one.to_send(20.0 + PASSING_SECONDS) == {*BACKLOG[:2]}
    for name in BACKLOG[:2]:
        one.sent(name, "q", 22.0)
    broker.waiting = Waiting(len(BACKLOG))
    assert [one.to_send(at) for at in (30.0, 60.0, 3600.0)] == [frozenset()] * 3


def test_what_was_taken_in_vain_makes_no_other_message_seem_missing() -> None:
    one = watching(Broker(waiting=Waiting(len(BACKLOG) - 1)), *BACKLOG)
    one.came_to_nothing(BACKLOG[50], 50.0)
    assert [one.to_send(at) for at in (20.0, 25.0, 30.0)] == [frozenset()] * 3
    assert one.to_send(50.0) == {BACKLOG[50]}


def test_a_doubt_about_a_queue_of_which_only_the_length_is_told_is_settled_within_seconds() -> None:
    broker = Broker(waiting=Waiting(1))
    one = watching(broker, "a", "b")
    one.to_send(3.0)
    broker.waiting = Waiting(0)
    one.doubt_all(4.0)
    assert one.to_send(4.0) == {"a", "b"}  # nothing at all waits
    one = watching(Broker(waiting=Waiting(1)), "a", "b")
    one.doubt_all(4.0)
    assert one.to_send(4.0) == frozenset()
    assert one.is_due(4.0 + message_reconciler.DOUBTFUL_LOOK_SECONDS)
    assert one.to_send(4.0 + PASSING_SECONDS) == {"a"}


@pytest.mark.parametrize("waiting", [Waiting(5), Waiting(5, frozenset()), Waiting(0)])
def test_what_was_taken_in_vain_is_sent_again_when_it_is_time_and_not_earlier(waiting: Waiting) -> None:
    one = watching(Broker(waiting=waiting), "a")
    one.to_send(1.0)
    one.came_to_nothing("a", 30.0)
    one.doubt_all(3.0)
    assert [one.to_send(at) for at in (3.0, 15.0, 29.0)] == [frozenset()] * 3
    assert one.is_due(30.0)
    assert one.to_send(30.0) == {"a"}
    one.sent("a", "q", 30.0)
    assert one.to_send(31.0) == frozenset()


def test_what_was_taken_in_vain_and_waits_a_second_time_is_left_alone() -> None:
    one = watching(Broker(waiting=Waiting(1, frozenset({"a"}))), "a")
    one.came_to_nothing("a", 3.0)
    assert [one.to_send(at) for at in (3.0, 10.0, 100.0)] == [frozenset()] * 3
    one.came_to_nothing("nobody knows it", 3.0)
    assert set(one.watched) == {"a"}


def test_what_was_taken_in_vain_is_sent_at_once_when_it_would_not_be_in_vain_any_more() -> None:
    one = watching(Broker(waiting=Waiting(0)), "a", "b")
    one.to_send(1.0)
    one.came_to_nothing("a", 60.0)
    for message in ("a", "b", "nobody knows it"):
        one.hasten(message, 5.0)
    assert one.is_due(5.0)
    assert one.to_send(5.0) == {"a"}  # the other one may be on its way


def test_a_broker_that_tells_only_numbers_is_asked_for_them_also_about_a_queue_that_is_not_there() -> None:
    with Connection("memory://") as connection:
        queue = connection.SimpleQueue("counted")
        queue.clear()
        queue.put({"a": "message"})
        assert queue_inspector.look(connection, ["counted", "nowhere"]) == {
            "counted": Waiting(1),
            "nowhere": Waiting(0),
        }
        assert queue_inspector.epoch(connection) == ""
        queue.clear()
