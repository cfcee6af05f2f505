"""Circles of tasks that wait for each other."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import pytest

from airfleet.pipelines.checks.circles import LONGEST_WRITTEN, circles, way


@pytest.mark.parametrize(
    ("upstream", "found"),
    [
        ({"a": "", "b": "a", "c": "ab"}, []),
        ({"a": "a", "b": ""}, []),
        ({"a": "elsewhere"}, []),
        ({"a": "b", "b": "a"}, [("a", "b", "a")]),
        ({"b": "a", "a": "b"}, [("b", "a", "b")]),
        ({"a": "c", "b": "a", "c": "b"}, [("a", "b", "c", "a")]),
        ({"a": "bc", "b": "a", "c": "b"}, [("a", "b", "a")]),
        ({"a": "b", "b": "a", "c": "bd", "d": "c"}, [("a", "b", "a"), ("c", "d", "c")]),
    ],
)
def test_each_knot_has_one_shortest_circle_from_its_first_task(
    upstream: Mapping[str, str], found: list[tuple[str, ...]]
) -> None:
    assert list(circles(upstream)) == found


@pytest.mark.parametrize("seed", range(20))
def test_circles_are_found_where_tasks_reach_themselves(seed: int) -> None:
    chance = random.Random(seed)
    tasks = [str(number) for number in range(12)]
    upstream = {task: chance.sample(tasks, chance.randint(0, 2)) for task in tasks}
    knots = {frozenset(_on_circles_with(task, upstream)) for task in tasks} - {frozenset()}
    found = list(circles(upstream))
    assert {frozenset(_on_circles_with(circle[0], upstream)) for circle in found} == knots
    assert len(found) == len(knots)
    for circle in found:
        assert all(before in upstream[after] for before, after in pairwise(circle))


def _on_circles_with(task: str, upstream: Mapping[str, list[str]]) -> set[str]:
    """Return the tasks that wait for ``task`` and that it waits for, itself included."""
    others = {other for other in _above(task, upstream) if task in _above(other, upstream)} - {task}
    return others | {task} if others else set()


def _above(task: str, upstream: Mapping[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [task]
    while waiting:
        new = [up for up in upstream[waiting.pop()] if up not in seen]
        seen.update(new)
        waiting += new
    return seen


def test_a_chain_of_ten_thousand_tasks_is_no_circle_until_it_is_closed() -> None:
    chain = {str(number): [str(number - 1)] for number in range(1, 10_000)} | {"0": []}
    assert list(circles(chain)) == []
    (circle,) = circles(chain | {"0": ["9999"]})
    assert len(circle) == 10_001


def test_of_a_long_circle_both_ends_are_written() -> None:
    circle = tuple(str(number) for number in range(LONGEST_WRITTEN + 5))
    assert way(circle).startswith("0 → 1 → ")
    assert "… 5 more …" in way(circle)
    assert way(circle).endswith(" → 24")
