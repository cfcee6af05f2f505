"""What becomes of attempts that are reported lost, and what schedulers hear of it."""

from __future__ import annotations

import pytest
from airflow.utils.state import TaskInstanceState

from airfleet.metadata.notifications import JOBS, LOST, News
from airfleet.scheduler import orphan_recovery
from airfleet.scheduler.orphan_recovery import MOST_RERUNS, decide, policy


@pytest.mark.parametrize(
    ("state", "wanted", "earlier", "by_itself", "outcome"),
    [
        ("running", "rerun", 0, False, "rerun"),
        ("running", "rerun", MOST_RERUNS - 1, False, "rerun"),
        ("running", "rerun", MOST_RERUNS, False, "fail"),
        ("running", "fail", 0, False, "fail"),
        ("running", "rerun", 0, True, "told"),
        ("restarting", "fail", MOST_RERUNS, True, "cleared"),
    ],
)
def test_what_becomes_of_it(state: str, wanted: str, earlier: int, by_itself: bool, outcome: str) -> None:
    assert decide(state, wanted, earlier, by_itself) == outcome


@pytest.mark.parametrize("state", [*set(TaskInstanceState) - {"running", "restarting"}, None])
def test_whatever_its_end_was_told_to_be_stays(state: str | None) -> None:
    assert decide(state, "rerun", 0, False) == "over"


@pytest.mark.parametrize(("said", "meant"), [(None, "rerun"), ("rerun", "rerun"), ("Fail", "fail"), ("other", "rerun")])
def test_a_fleet_says_what_it_wants(monkeypatch: pytest.MonkeyPatch, said: str | None, meant: str) -> None:
    if said is not None:
        monkeypatch.setenv("AIRFLOW__AIRFLEET__ON_WORKER_LOST", said)
    assert policy() == meant


def test_long_ago_is_before_any_limit() -> None:
    assert orphan_recovery.LONG_AGO.timestamp() == 0


def test_what_is_heard_of_the_dead() -> None:
    news = News()
    assert not news
    news.hear(JOBS, "")
    assert (news.jobs, news.lost, news.other, bool(news)) == (True, False, False, True)
    news = News()
    news.hear(LOST, "")
    assert (news.jobs, news.lost, news.messages, bool(news)) == (False, True, False, True)
    news.hear(LOST, "queued")
    assert news.messages
    assert news.changed == set()
