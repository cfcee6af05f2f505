"""The report of one file: problems, places, and the budgets that bound them."""

from __future__ import annotations

from airfleet.errors import Place, Problem
from airfleet.yaml.nodes import Node, load
from airfleet.yaml.problems import Hints, Report, ValueBudget, in_order


def node(text: str) -> Node:
    ((document,), problems) = load(text, "f.yaml")
    assert problems == ()
    return document


def test_a_problem_makes_its_path_wrong() -> None:
    report = Report()
    report.problem(node("a"), "tasks.a", "must be a mapping", "write one")
    assert report.problems == [Problem(Place("f.yaml"), "tasks.a", "must be a mapping", "write one")]
    assert [report.is_wrong(path) for path in ("tasks.a", "tasks")] == [True, False]


def test_a_settled_place_gets_no_more_problems_and_its_paths_are_wrong_all_the_same() -> None:
    report = Report()
    value = node("a")
    report.problem(value, "x", "first")
    report.settle()
    report.problem(value, "y", "second")
    assert [problem.sentence for problem in report.problems] == ["first"]
    assert report.is_wrong("y")


def test_a_misspelt_key_makes_the_right_one_wrong_without_a_problem() -> None:
    report = Report()
    report.note_slip("dag_id")
    assert report.is_wrong("dag_id")
    assert report.problems == []


def test_every_value_has_a_place_by_its_path() -> None:
    report = Report()
    report.note_places(node("a: [1, {b: 2}]\nc: x\n"), "")
    assert {path: (place.line, place.column) for path, place in report.places.items()} == {
        "": (1, 1),
        "a": (1, 4),
        "a[0]": (1, 5),
        "a[1]": (1, 8),
        "a[1].b": (1, 12),
        "c": (2, 4),
    }


def test_words_are_compared_until_the_hints_are_used_up() -> None:
    hints = Hints(left=1)
    assert hints.did_you_mean("extrct", ["extract"]) == "did you mean 'extract'?"
    assert hints.did_you_mean("extrct", ["extract"]) is None


def test_a_budget_counts_every_value_each_time_it_is_taken() -> None:
    budget = ValueBudget(left=10)
    value = node("{a: [1, 2], b: x}")  # the mapping, the list and three values
    assert [budget.take(value) for _ in range(3)] == [True, True, False]
    assert budget.left == -5


def test_problems_stand_in_order_of_place_each_once() -> None:
    first, second = (Problem(Place("f.yaml", line), "", "wrong") for line in (1, 2))
    assert in_order([second, first, second]) == (first, second)
