"""Combinations of lists, with some taken away and others added."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airfleet.pipelines.reading.repetition.matrix import combinations
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping
from airfleet.yaml.problems import Report


def made(text: str) -> tuple[Any, list[str]]:
    [matrix], _ = nodes.load(text, "p.yaml")
    assert isinstance(matrix, Mapping)
    report = Report()
    found = combinations(matrix, "m", report)
    return found and [nodes.plain(one) for one in found], [problem.sentence for problem in report.problems]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{a: [1, 2], b: [x]}", [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]),
        ("{a: [1, 2], exclude: [{a: 1}]}", [{"a": 2}]),
        ("{a: [1, true], exclude: [{a: 1}]}", [{"a": True}]),
        ("{a: [1, 2], b: [x, y], exclude: [{a: 1, b: y}, {a: 2}]}", [{"a": 1, "b": "x"}]),
        ("{a: [1, 2], include: [{a: 1, c: 9}]}", [{"a": 1, "c": 9}, {"a": 2}]),
        ("{a: [1], include: [{c: 1}, {c: 2}]}", [{"a": 1, "c": 2}]),
        ("{a: [1], include: [{a: 3, c: 1}]}", [{"a": 1}, {"a": 3, "c": 1}]),
        ("{include: [{a: 1}, {a: 2}]}", [{"a": 1}, {"a": 2}]),
        ("{a: [{x: 1}]}", [{"a": {"x": 1}}]),
        ("{a: [1], b: []}", ()),
        ("{}", ()),
    ],
)
def test_combinations(text: str, found: Any) -> None:
    assert made(text) == (found, [])


def test_large_values_are_compared_once_not_for_each_combination() -> None:
    large = f"[{', '.join(['7'] * 20_000)}]"
    text = f"{{a: [{large}], b: [{', '.join(map(str, range(20_000)))}], exclude: [{{a: {large}, b: 3}}]}}"
    [matrix], _ = nodes.load(text, "p.yaml")
    assert isinstance(matrix, Mapping)
    begun = time.monotonic()
    assert len(combinations(matrix, "m", Report()) or ()) == 19_999
    assert time.monotonic() - begun < 20


def test_a_matrix_is_bounded() -> None:
    axes = ", ".join(f"a{number}: [{', '.join(map(str, range(100)))}]" for number in range(9))
    assert made(f"{{{axes}}}") == (
        None,
        ["the matrix has 1,000,000,000,000,000,000 combinations, which are too many"],
    )
