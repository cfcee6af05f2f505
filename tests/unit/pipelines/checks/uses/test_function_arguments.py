"""Arguments of functions are judged by annotations: problems for what is certain, remarks for what is doubtful."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from airfleet.errors import Problem
from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
def make() -> list[int]: ...
def nothing() -> None: ...
async def late() -> dict[str, int]: ...
def unknown(): ...
def count(text: str, times: int = 1, rows: list[str] | None = None): ...
"""


def said(task: str, tmp_path: Path) -> tuple[list[str], list[str]]:
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "p.yaml").write_text(
        "dag_id: d\ntasks:\n"
        + "".join(f"- {{id: {name}, uses: 'steps:{name}'}}\n" for name in ("make", "nothing", "late", "unknown"))
        + f"- {{id: t, uses: 'steps:count', {task}}}\n"
    )
    checked = read_and_check(tmp_path / "p.yaml", environ={})
    return written(checked.problems), written(checked.remarks)


def written(found: Iterable[Problem]) -> list[str]:
    return [f"{one.path}: {one.sentence} | {one.hint}" for one in found]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("with: {text: [a]}", "tasks.t.with.text: must be text, not a list | None"),
        ("with: {text: a, times: many}", "tasks.t.with.times: must be a whole number, not text | None"),
        ("with: {text: a, rows: [[b]]}", "tasks.t.with.rows[0]: must be text, not a list | None"),
        ("expand: {text: [a, [b]]}", "tasks.t.expand.text[1]: must be text, not a list | None"),
        (
            "expand: {zip: {text: [a], times: [many]}}",
            "tasks.t.expand.zip.times[0]: must be a whole number, not text | None",
        ),
        ("with: {text: a, rows: {b: c}}", "tasks.t.with.rows: must be a list, not a mapping | None"),
    ],
)
def test_a_literal_that_certainly_does_not_fit_is_a_problem(task: str, problem: str, tmp_path: Path) -> None:
    problems, remarks = said(task, tmp_path)
    assert (problems, remarks) == ([problem], [])


@pytest.mark.parametrize(
    ("task", "remark"),
    [
        ("with: {text: 5}",
         "tasks.t.with.text: is a whole number, but steps:count wants text | put it in quotes: '5'"),
        ("with: {text: a, times: '3'}",
         "tasks.t.with.times: is text, but steps:count wants a whole number | write it without quotes"),
        ("with: {text: {$x: make}}",
         "tasks.t.with.text: 'make' returns list[int], but steps:count wants str | None"),
        ("with: {text: a, rows: {$x: make}}",
         "tasks.t.with.rows: 'make' returns list[int], but steps:count wants list[str] | None | None"),
        ("expand: {text: {$x: make}}",
         "tasks.t.expand.text: 'make' returns list[int], but steps:count wants str of each item | None"),
        ("with: {text: a}, expand: {times: ['3']}",
         "tasks.t.expand.times[0]: is text, but steps:count wants a whole number | write it without quotes"),
        ("with: {text: {$x: nothing}}",
         "tasks.t.with.text: 'nothing' returns nothing, but steps:count wants str | None"),
        ("with: {text: {$x: late}}",
         "tasks.t.with.text: 'late' returns dict[str, int], but steps:count wants str | None"),
    ],
)  # fmt: skip
def test_what_a_function_may_cope_with_and_outputs_of_others_are_remarks(
    task: str, remark: str, tmp_path: Path
) -> None:
    problems, remarks = said(task, tmp_path)
    assert (problems, remarks) == ([], [remark])


@pytest.mark.parametrize(
    "task",
    [
        "with: {text: a, times: 3, rows: [b, c]}",
        "with: {text: {$x: unknown}}",
        "with: {text: a}, expand: {times: {$x: make}}",
        "with: {text: a}, expand: {times: {$x: late}}",
        "expand: {text: {a: 1}}",
        "expand_kwargs: [{text: [1]}]",
        "with: {text: {$x: {task: make, key: part}}}",
        "with: {text: {$t: '{{ ds }}'}, times: null}",
    ],
)
def test_nothing_is_said_of_what_fits_or_is_not_known(task: str, tmp_path: Path) -> None:
    problems, remarks = said(task, tmp_path)
    assert (problems, remarks) == ([], [])
