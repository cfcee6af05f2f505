"""A clock that is wrong is told in a sentence, and one that is a little off is not."""

from __future__ import annotations

import pytest

from airfleet import clocks


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
    assert clocks.ahead(asked_at, theirs, answered_at) == expected


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
    assert clocks.trouble(seconds) == sentence
