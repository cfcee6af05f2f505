"""A clock that is wrong is told in a sentence, and one that is a little off is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.jobs.job import Job, perform_heartbeat

from airfleet.system import clock_skew

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked_at", "theirs", "answered_at", "expected"),
    [
        (100.0, 101.0, 102.0, 0.0),  # the answer may have been given at any moment between
        (100.0, 100.0, 104.0, 0.0),
        (223.0, 101.0, 225.0, 122.0),
        (100.0, 222.0, 102.0, -120.0),
    ],
)
def test_a_clock_is_ahead_by_as_much_as_is_certain(
    asked_at: float, theirs: float, answered_at: float, expected: float
) -> None:
    assert clock_skew.ahead(asked_at, theirs, answered_at) == expected


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (0.0, ""),
        (1.9, ""),
        (-1.9, ""),
        (
            120.4,
            "the clock of this host is 120 s ahead of the database's: what is due by time starts at the wrong moment,"
            " and from 150 s on tasks are refused; have chrony or another NTP client set it",
        ),
        (
            -3.0,
            "the clock of this host is 3 s behind the database's: what is due by time starts at the wrong moment,"
            " and from 150 s on tasks are refused; have chrony or another NTP client set it",
        ),
    ],
)
def test_a_person_is_told_what_is_wrong_and_what_to_do(seconds: float, sentence: str) -> None:
    assert clock_skew.trouble(seconds) == sentence


@pytest.mark.parametrize(
    ("last", "expected"), [(-2, -2), (0, 0), (240, -5), (None, None)], ids=["young", "now", "of the future", "none"]
)
def test_a_heartbeat_of_the_future_is_taken_for_one_that_is_due(last: int | None, expected: int | None) -> None:
    job = Job(heartrate=5, latest_heartbeat=NOW + timedelta(seconds=last) if last is not None else None)
    clock_skew.catch_up(job, NOW)
    assert job.latest_heartbeat == (NOW + timedelta(seconds=expected) if expected is not None else None)


def test_airflow_itself_would_send_no_heartbeat_until_the_clock_is_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When it does so no more, ours is not needed."""
    sent: list[bool] = []
    monkeypatch.setattr(Job, "heartbeat", lambda *_, **__: sent.append(True))
    job = Job(heartrate=5, latest_heartbeat=datetime.now(UTC) + timedelta(seconds=240))
    perform_heartbeat(job, lambda session: None, only_if_necessary=True)
    assert sent == []
    clock_skew.catch_up(job, datetime.now(UTC))
    perform_heartbeat(job, lambda session: None, only_if_necessary=True)
    assert sent == [True]
