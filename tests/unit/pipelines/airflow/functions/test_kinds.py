"""The operator of a function is chosen by what stands beside it, and given the options that are written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airfleet.pipelines.airflow.functions.isolated import (
    BranchInOtherPython,
    BranchInVirtualenv,
    InOtherPython,
    InVirtualenv,
    SensorInOtherPython,
    SensorInVirtualenv,
    ShortCircuitInOtherPython,
    ShortCircuitInVirtualenv,
    of_context,
    with_python,
)
from airfleet.pipelines.airflow.functions.roles import FunctionBranch, FunctionSensor, FunctionShortCircuit
from airfleet.pipelines.airflow.import_common import dags_and_problems

STEPS = """
def work(text="", ds=None): ...
def anything(**context): ...
def choose(): ...
"""


def built(task: str, tmp_path: Path) -> DAG:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "steps.py").write_text(STEPS)
    file = tmp_path / "pipelines/p.yaml"
    file.write_text(f"dag_id: d\ntasks:\n- {{id: a}}\n- {{id: t, uses: 'steps:{task}}}\n")
    dags, problems = dags_and_problems(file)
    assert [str(problem) for problem in problems] == []
    return dags[0]


@pytest.mark.parametrize(
    ("task", "cls", "has"),
    [
        ("work', sensor: {poke_interval: 30s, mode: reschedule}", FunctionSensor,
         {"poke_interval": 30.0, "mode": "reschedule"}),
        ("choose', branch: true", FunctionBranch, {"function": "steps:choose"}),
        ("work', short_circuit: {ignore_downstream_trigger_rules: false}", FunctionShortCircuit,
         {"ignore_downstream_trigger_rules": False}),
        ("work', with: {text: a}, isolation: {venv: [x], python: 3.12, env_vars: {A: 1, B: true}}", InVirtualenv,
         {"requirements": ["x"], "python_version": "3.12", "env_vars": {"A": "1", "B": "true"},
          "op_kwargs": {"text": "a"}}),
        ("work', sensor: {timeout: 1h, mode: reschedule}, isolation: {venv: [x]}", SensorInVirtualenv,
         {"requirements": ["x"], "timeout": 3600.0, "mode": "reschedule", "template_fields": ()}),
        ("work', sensor: true, isolation: {python: /x/python}", SensorInOtherPython, {"python": "/x/python"}),
        ("choose', branch: true, isolation: {venv: [x]}", BranchInVirtualenv, {"requirements": ["x"]}),
        ("choose', branch: true, isolation: {python: /x/python}", BranchInOtherPython, {"python": "/x/python"}),
        ("work', short_circuit: {ignore_downstream_trigger_rules: false}, isolation: {venv: []}",
         ShortCircuitInVirtualenv, {"ignore_downstream_trigger_rules": False, "requirements": []}),
        ("work', short_circuit: true, isolation: {python: /x/python}", ShortCircuitInOtherPython,
         {"ignore_downstream_trigger_rules": True}),
        ("work', isolation: {python: /x/python, skip_on_exit_code: 3}", InOtherPython,
         {"python": "/x/python", "skip_on_exit_code": [3]}),
    ],
)  # fmt: skip
def test_a_function_is_run_by_the_operator_of_its_keys(
    task: str, cls: type[Any], has: dict[str, Any], tmp_path: Path
) -> None:
    operator = built(task, tmp_path).get_task("t")
    assert type(operator) is cls
    assert {name: getattr(operator, name) for name in has} == has


def test_a_requirements_file_stands_beside_the_pipeline_or_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "needed.txt").write_text("pandas\n# fast\npolars\n")
    operator: Any = built("work', isolation: {venv: needed.txt}", tmp_path).get_task("t")
    assert operator.requirements == ["pandas", "# fast", "polars"]
    assert operator.folders == (str(tmp_path), str(tmp_path / "pipelines"))


@pytest.mark.parametrize("task", ["work', sensor: true", "work', isolation: {venv: []}"])
def test_each_repetition_of_a_mapped_task_is_one(task: str, tmp_path: Path) -> None:
    mapped: Any = built(f"{task}, expand: {{text: [a, b]}}", tmp_path).get_task("t")
    one = mapped.unmap({"op_kwargs": {"text": "a"}, "python_callable": mapped.python_callable})
    assert isinstance(one, FunctionSensor | InVirtualenv)
    assert one.op_kwargs == {"text": "a"}


ANSWERS = """
def ready(path, wanted):
    with open(path, "a") as file:
        file.write("x")
    return len(open(path).read()) >= wanted
"""


def test_a_sensor_in_another_python_asks_with_the_same_arguments_until_it_is_yes(tmp_path: Path) -> None:
    (tmp_path / "answering.py").write_text(ANSWERS)
    asked = tmp_path / "asked"
    python = Path(sys.base_prefix, "bin", "python3")  # without Airflow, which would look for the task's supervisor
    sensor = SensorInOtherPython(
        dag=DAG("d"), task_id="t", function="answering:ready", folders=[str(tmp_path)], python=str(python),
        op_kwargs={"path": str(asked), "wanted": 3}, poke_interval=0, expect_airflow=False,
    )  # fmt: skip
    assert sensor.execute({"ds": "2026-01-31", "ti": None}) is None
    assert asked.read_text() == "xxx"


def test_a_repeated_sensor_in_another_python_is_a_sensor(tmp_path: Path) -> None:
    task = "work', sensor: true, isolation: {python: /x/python}, expand: {text: [a, b]}"
    assert built(task, tmp_path).get_task("t")._is_sensor  # type: ignore[union-attr]


def test_an_environment_is_made_where_nothing_is_called_python(tmp_path: Path) -> None:
    assert with_python(str(tmp_path)) == f"{tmp_path}:{Path(sys.executable).parent}"
    (tmp_path / "python").touch(mode=0o755)
    assert with_python(str(tmp_path)) == str(tmp_path)


def test_of_the_context_only_what_the_function_names_is_sent(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(STEPS)
    context = {"ds": "2026-01-31", "run_id": "r", "dag": object(), "text": "b"}
    assert of_context("steps:work", (str(tmp_path),), context, {"text": "a"}) == {"ds": "2026-01-31"}
    assert of_context("steps:anything", (str(tmp_path),), context, {"text": "a"}) == {"ds": "2026-01-31", "run_id": "r"}


def test_a_container_without_its_provider_is_a_problem(tmp_path: Path) -> None:
    from airfleet.errors import FileProblems
    from airfleet.pipelines.airflow.dag import build
    from airfleet.pipelines.reading.reader import read

    text = "dag_id: d\ntasks: [{id: t, uses: 'steps:work', isolation: {docker: x}}]\n"
    with pytest.raises(FileProblems, match="provider 'docker' is not installed"):
        build(read(text, str(tmp_path / "p.yaml")).pipelines[0])
