"""Durations as people write them, in pipelines and in fleet.yaml."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.yaml.durations import calendar_duration, parse_duration, seconds, seconds_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        (" 5m ", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("2w1d", 15 * 86_400),
        ("90", 90),
        ("PT5M", 300),
        ("P1DT12H", 36 * 3600),
        ("\xa05m\u3000", 300),
    ],
)
def test_pipelines_take_amounts_iso_8601_and_seconds(text: str, expected: float) -> None:
    assert parse_duration(text) == dt.timedelta(seconds=expected)


@pytest.mark.parametrize(
    "text", ["", "soon", "30m1h", "1h1h", "1h,30m", "1x", "h", "P", "-5m", "1m s", "9" * 101, "9" * 90 + "w"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("14d", 1_209_600), ("1h 30m", 5400), ("30m1h", 5400), ("1h1h", 7200), ("0.5s", 0.5), ("\xa01h\u3000", 3600)],
)
def test_a_fleet_takes_amounts_with_units(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "1x", "5ms", "PT5M", "1h,30m", "9" * 400 + "d", "9" * 90 + "w"])
def test_a_fleet_takes_no_other_duration(text: str) -> None:
    assert seconds(text) is None


@pytest.mark.parametrize("space", ["\xa0", "\u2003", "\x1f"])
def test_no_space_of_unicode_stands_inside_a_duration(space: str) -> None:
    for text in (f"1{space}h", f"1h{space}30m"):
        assert (parse_duration(text), seconds(text)) == (None, None)


def test_a_duration_is_shown_in_the_largest_unit_without_a_rest() -> None:
    assert [seconds_text(count) for count in (1_209_600, 5400, 1.5, 0)] == ["14d", "90m", "1.5s", "0s"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1M", (0, 1, dt.timedelta())),
        ("P2Y", (2, 0, dt.timedelta())),
        ("P1Y2MT1H", (1, 2, dt.timedelta(hours=1))),
        ("PT1M", None),
        ("P1D", None),
        ("1M", None),
    ],
)
def test_a_duration_with_months_or_years_follows_the_calendar(
    text: str, expected: tuple[int, int, dt.timedelta] | None
) -> None:
    assert calendar_duration(text) == expected
