"""Values of a test file beside those of a run: what is equal, and how a difference is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from airfleet.pipelines.cases.comparison import difference, missing_part


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (3, 3.0),
        ([1, [2]], (1, (2,))),
        ([1, 2], {2, 1}),
        ({"1": "a"}, {1: "a"}),
        (dt.date(2026, 1, 31), "2026-01-31"),
        (dt.datetime(2026, 1, 31, tzinfo=dt.UTC), dt.datetime(2026, 1, 31)),
        (float("nan"), float("nan")),
        (None, None),
    ],
)
def test_these_are_the_same(expected: Any, actual: Any) -> None:
    assert difference(expected, actual) is None


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        (3, 2, "2, not 3"),
        ("3", 3, "3, not '3'"),
        (True, 1, "1, not True"),
        ([1, 2], [1, 3], "[1, 3], not [1, 2]: [1] is 3, not 2"),
        ([1], [1, 2], "[1, 2], not [1]: it has 2 items, not 1"),
        ({"a": [1]}, {"a": []}, "{'a': []}, not {'a': [1]}: a has 0 items, not 1"),
        ({"a": 1}, {}, "{}, not {'a': 1}: a is missing"),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, "{'a': {'b': 1, 'c': 2}}, not {'a': {'b': 1}}: a.c is there, too"),
        ("x", "y" * 200, f"{repr('y' * 200)[:160]}…, not 'x'"),
    ],
)
def test_a_difference_is_said_with_its_place(expected: Any, actual: Any, said: str) -> None:
    assert difference(expected, actual) == said


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ("b", "abc", None),
        ("x", "abc", "'abc', without 'x'"),
        (2, [1, 2], None),
        ([2, 4], [1, 2], "[1, 2], without 4"),
        ({"a": 1}, {"a": 1, "b": 2}, None),
        ({"a": 2, "b": 2}, {"a": 1, "b": 2}, "{'a': 1, 'b': 2}, without {'a': 2}"),
        (5, 5, None),
        (5, None, "None, without 5"),
    ],
)
def test_a_part_is_looked_for(expected: Any, actual: Any, said: str | None) -> None:
    assert missing_part(expected, actual) == said
