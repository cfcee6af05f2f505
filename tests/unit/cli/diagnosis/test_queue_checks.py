"""A queue that no worker takes is a problem where it is written, once for each place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.diagnosis import queue_checks
from airfleet.errors import Problem
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet
from airfleet.pipelines.checks.pipeline_checks import read_and_check

FLEET = "name: shop\nworkers:\n- {name: light, queues: [default, reports]}\n- {name: heavy, queues: [big]}\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return read(tmp_path, FLEET)


def read(folder: Path, text: str) -> Fleet:
    (folder / "fleet.yaml").write_text(text)
    return reader.read_file(folder / "fleet.yaml", {})


def unserved(folder: Path, text: str, fleet: Fleet) -> list[Problem]:
    (folder / "a.yaml").write_text(text)
    checked = read_and_check(folder / "a.yaml", environ={})
    assert checked.problems == ()
    return list(queue_checks.unserved(checked.pipelines, fleet))


def said(problem: Problem) -> tuple[int, str, str, str | None]:
    return problem.place.line, problem.path, problem.sentence, problem.hint


def test_a_queue_of_a_task_is_a_problem_at_the_task(tmp_path: Path, fleet: Fleet) -> None:
    text = "dag_id: a\ntasks:\n- {id: t, uses: bash, with: {bash_command: ls},\n   queue: reprots}\n"
    [problem] = unserved(tmp_path, text, fleet)
    assert said(problem) == (
        4, "tasks.t.queue", "no worker takes tasks from the queue 'reprots'", "did you mean 'reports'?"
    )  # fmt: skip


def test_a_queue_of_the_defaults_is_one_problem_for_all_tasks(tmp_path: Path, fleet: Fleet) -> None:
    tasks = "".join(f"- {{id: t{n}, uses: bash, with: {{bash_command: ls}}}}\n" for n in range(3))
    [problem] = unserved(tmp_path, f"dag_id: a\ndefaults: {{queue: gpu}}\ntasks:\n{tasks}", fleet)
    assert said(problem) == (
        2,
        "defaults.queue",
        "no worker takes tasks from the queue 'gpu'",
        "workers in fleet.yaml take: default, reports, big",
    )


def test_queues_that_workers_take_are_fine(tmp_path: Path, fleet: Fleet) -> None:
    text = "dag_id: a\ntasks:\n- {id: t, uses: bash, with: {bash_command: ls}, queue: big}\n- {id: u}\n"
    assert unserved(tmp_path, text, fleet) == []


@pytest.mark.parametrize(("setting", "problems"), [("", 1), ("airflow: {operators: {default_queue: big}}\n", 0)])
def test_a_task_without_a_queue_waits_in_the_usual_one(setting: str, problems: int, tmp_path: Path) -> None:
    fleet = read(tmp_path, f"name: shop\nworkers:\n- {{name: heavy, queues: [big]}}\n{setting}")
    text = "dag_id: a\ntasks:\n- {id: t, uses: bash, with: {bash_command: ls}}\n"
    assert len(unserved(tmp_path, text, fleet)) == problems
