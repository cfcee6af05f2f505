"""Unquoted values mean what YAML 1.2 says, with grouped digits and dates."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from airfleet.yaml.scalars import scalar_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("n", "n"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("3", 3),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0o8", "0o8"),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("250_000", 250_000),
        ("1_000_000", 1_000_000),
        ("2024_01_01", "2024_01_01"),
        ("1_000.5", 1000.5),
        ("3.10", 3.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("2026-01-01", dt.date(2026, 1, 1)),
        ("2026-02-30", "2026-02-30"),
        ("2026-01-01T10:00:00Z", dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)),
        ("2026-01-01 10:00:00.5", dt.datetime(2026, 1, 1, 10, 0, 0, 500_000)),
        (
            "2026-01-01T10:00:00 +02:00",
            dt.datetime(2026, 1, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ),
        ("9" * 5000, "9" * 5000),
        ("0x" + "F" * 3000, int("F" * 3000, 16)),
        ("0x" + "F" * 5000, "0x" + "F" * 5000),
        ("0o" + "7" * 5000, "0o" + "7" * 5000),
        ("plain text", "plain text"),
    ],
)
def test_an_unquoted_value_means_what_yaml_1_2_says(text: str, value: object) -> None:
    found = scalar_value(text)
    assert (found, type(found)) == (value, type(value))


def test_nan_is_a_number() -> None:
    found = scalar_value(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)
