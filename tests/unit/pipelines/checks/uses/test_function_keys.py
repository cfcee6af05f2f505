"""What stands beside a function is checked: its container, its requirements, and the tasks that a branch names."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
def work(): ...
def left_or(n=1):
    def inner(): return "nowhere"
    if n: return "left" if n > 1 else ["left", "rigth"]
    return unknown
async def far(): return "far"
def made(): return f"task_{1}"
"""


def said(task: str, tmp_path: Path, more: str = "") -> list[str]:
    (tmp_path / "steps.py").write_text(STEPS)
    text = (
        f"dag_id: d\ntasks:\n- {{id: t, {task}}}\n- {{id: left, needs: t}}\n- {{id: right, needs: t}}\n- {{id: far}}\n"
    )
    (tmp_path / "p.yaml").write_text(text + more)
    found = read_and_check(tmp_path / "p.yaml", environ={}).problems
    return [f"{one.path}: {one.sentence} | {one.hint}" for one in found]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("uses: 'steps:left_or', branch: true",
         "tasks.t.uses: 'steps:left_or' may answer 'rigth', which is no task | did you mean 'right'?"),
        ("uses: 'steps:far', branch: true",
         "tasks.t.uses: 'steps:far' may answer 'far', which does not come right after 't' "
         "| write needs: [t] at 'far'"),
        ("uses: 'steps:work', isolation: {docker: x}",
         "tasks.t.isolation.docker: provider 'docker' is not installed "
         "| add apache-airflow-providers-docker to the requirements"),
        ("uses: 'steps:work', isolation: {kubernetes: x}",
         "tasks.t.isolation.kubernetes: provider 'cncf.kubernetes' is not installed "
         "| add apache-airflow-providers-cncf-kubernetes to the requirements"),
        ("uses: 'steps:work', isolation: {venv: needed.txt}",
         "tasks.t.isolation.venv: there is no file 'needed.txt' beside the pipeline or in the project | None"),
        (f"uses: 'steps:work', isolation: {{venv: {'n' * 300}.txt}}",
         f"tasks.t.isolation.venv: there is no file '{'n' * 300}.txt' beside the pipeline or in the project | None"),
    ],
)  # fmt: skip
def test_what_is_wrong(task: str, problem: str, tmp_path: Path) -> None:
    assert said(task, tmp_path) == [problem]


@pytest.mark.parametrize(
    "task",
    [
        "uses: 'steps:left_or', sensor: true",
        "uses: 'steps:made', branch: true",
        "uses: 'steps:work', isolation: {venv: [needed]}",
        "uses: 'steps:work', isolation: {venv: there.txt}",
        "uses: 'steps:work', isolation: {python: /nowhere/python}",
    ],
)
def test_what_is_right_or_not_known(task: str, tmp_path: Path) -> None:
    (tmp_path / "there.txt").touch()
    assert said(task, tmp_path) == []


def test_a_branch_in_a_group_names_whole_ids(tmp_path: Path) -> None:
    group = "- {group: g, tasks: [{id: b, uses: 'steps:far', branch: true}, {id: far, needs: b}]}\n"
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "p.yaml").write_text(f"dag_id: d\ntasks:\n{group}")
    found = read_and_check(tmp_path / "p.yaml", environ={}).problems
    assert [f"{one.sentence} | {one.hint}" for one in found] == [
        "'steps:far' may answer 'far', which is no task | answer 'g.far', its whole id"
    ]


def test_outputs_of_repeated_tasks_and_of_sensors_are_not_judged(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("def one(n: int = 1) -> int: ...\ndef text(t: str): ...\n")
    (tmp_path / "p.yaml").write_text(
        "dag_id: d\ntasks:\n- {id: a, uses: 's:one', expand: {n: [1]}}\n- {id: b, uses: 's:one', sensor: true}\n"
        "- {id: c, uses: 's:text', with: {t: {$x: a}}}\n- {id: e, uses: 's:text', with: {t: {$x: b}}}\n"
        "- group: g\n  expand: {n: [1]}\n  tasks: [{id: f, uses: 's:one'}]\n"
        "- {id: h, uses: 's:text', with: {t: {$x: g.f}}}\n"
    )
    checked = read_and_check(tmp_path / "p.yaml", environ={})
    assert (checked.problems, checked.remarks) == ((), ())
