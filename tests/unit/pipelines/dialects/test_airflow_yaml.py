"""Documents of Airflow's own YAML format."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.dialects.airflow_yaml import LANGUAGE_TASK
from airfleet.pipelines.reading import reader
from support.documents import REPOSITORY

SCHEMA = "$schema: https://airflow.apache.org/schemas/dag/2026-10-30.json\n"
FILES = sorted((REPOSITORY / "tests/conformance/airflow_yaml").iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_valid_documents_have_no_problem(file: Path) -> None:
    assert [str(problem) for problem in read_and_check(file, environ={}).problems] == []


def test_plain_values_are_those_of_yaml_1_1() -> None:
    (pipeline,) = reader.read(f"{SCHEMA}dag_id: a\ncatchup: no\nmax_active_runs: 010\n", "p.yaml").pipelines
    assert pipeline.options == {"catchup": False, "max_active_runs": 8}


def test_a_document_without_tasks_is_a_dag_only_with_the_schema() -> None:
    assert reader.read(f"{SCHEMA}dag_id: a\ntasks: []\n", "p.yaml").problems == ()
    assert [problem.sentence for problem in reader.read("dag_id: a\n", "p.yaml").problems] == ["'tasks' is missing"]


def test_tasks_of_other_languages() -> None:
    reading = reader.read(f"{SCHEMA}dag_id: a\ntasks:\n  - {{id: b, run: {{x: 1}}, queue: java}}\n", "p.yaml")
    (task,) = reading.pipelines[0].tasks
    assert (task.uses.path, task.args) == (LANGUAGE_TASK, {"op_kwargs": {"x": 1}})  # type: ignore[union-attr]
    assert [str(remark) for remark in reading.remarks] == [
        "p.yaml:4:13: tasks.b.run: only a worker of another language can run this task, and the fleet has none"
    ]
    both = reader.read(f"{SCHEMA}dag_id: a\ntasks: [{{id: b, run: {{}}, uses: bash}}]\n", "p.yaml")
    assert [problem.path for problem in both.problems] == ["tasks.b.run"]
