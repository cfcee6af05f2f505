"""Airflow's own DagBag reads folders with pipelines through the bundle, on every supported Airflow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import BundleDagBag, DagBag
from airflow.serialization.serialized_objects import DagSerialization

from airfleet.pipelines.airflow.bundle import FileBundle, PipelineBundle
from airfleet.pipelines.checks.pipeline_checks import read_and_check

GOOD = "dag_id: good\ntasks:\n  - {id: a, uses: bash, with: {bash_command: {$t: 'echo {{ ds }}'}}}\n"
WRONG = "dag_id: wrong\ntasks:\n  - {id: a, uses: bash, with: {bash_comand: ls}}\n  - {id: b, retries: many}\n"
JOBS = "dag_id: ${{ job.name }}\njobs: [{name: one}, {name: two}]\ntasks: [{id: a}]\n"
PYTHON = "from airflow.sdk import DAG\nwith DAG('python_dag'):\n    pass\n"

PICKY = """\
from airflow.sdk import BaseOperator


class Picky(BaseOperator):
    def __init__(self, colour, **kwargs):
        super().__init__(**kwargs)
        if colour != "green":
            raise ValueError("`colour` must be green")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pipelines = tmp_path / "pipelines"
    pipelines.mkdir()
    return pipelines


def bag(folder: Path, only_file: str | None = None) -> DagBag:
    bundle = PipelineBundle(name="dags-folder", path=str(folder))
    return DagBag(
        folder / only_file if only_file else bundle.path,
        bundle_path=bundle.path,
        bundle_name=bundle.name,
    )


def test_pipelines_and_python_dags_live_in_one_folder(folder: Path) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "jobs.yml").write_text(JOBS)
    (folder / "python_dag.py").write_text(PYTHON)
    found = bag(folder)
    assert found.import_errors == {}
    assert {(dag.dag_id, dag.fileloc, dag.relative_fileloc) for dag in found.dags.values()} == {
        ("good", str(folder / "good.yaml"), "good.yaml"),
        ("one", str(folder / "jobs.yml"), "jobs.yml"),
        ("two", str(folder / "jobs.yml"), "jobs.yml"),
        ("python_dag", str(folder / "python_dag.py"), "python_dag.py"),
    }


def test_an_import_error_is_what_check_prints_with_the_file_as_the_bundle_calls_it(folder: Path) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "wrong.yaml").write_text(WRONG)
    problems = read_and_check(folder / "team" / "wrong.yaml", environ={}).problems
    printed = "\n".join(problem.with_code() for problem in problems)
    found = bag(folder)
    assert found.import_errors == {"team/wrong.yaml": printed.replace(str(folder) + "/", "")}
    assert found.import_errors["team/wrong.yaml"].startswith("team/wrong.yaml:3:45: tasks.a.with.bash_comand: ")
    assert "Traceback" not in found.import_errors["team/wrong.yaml"]


def test_one_bad_file_never_hides_another(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "broken.yaml").write_text("tasks: [\n")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (folder / "empty.yaml").write_text("")
    (folder / "good.yaml").write_text(GOOD)
    found = bag(folder)
    assert set(found.dags) == {"good"}
    assert set(found.import_errors) >= {"wrong.yaml", "broken.yaml", "bytes.yaml"}


def test_what_only_the_operator_knows_is_an_import_error_too(folder: Path) -> None:
    (folder.parent / "picky_operator.py").write_text(PICKY)
    (folder / "late.yaml").write_text(
        "dag_id: late\ntasks:\n  - id: a\n    uses: picky_operator.Picky\n    with: {colour: red}\n"
    )
    [message] = bag(folder).import_errors.values()
    assert message.startswith("late.yaml:5:")
    assert "Picky refuses its arguments: `colour` must be green" in message
    assert "Traceback" not in message


def test_an_ignored_file_and_a_private_one_are_not_read(folder: Path) -> None:
    (folder / ".airflowignore").write_text("old/\n")
    (folder / "old").mkdir()
    (folder / "old" / "wrong.yaml").write_text(WRONG)
    (folder / "_part.yaml").write_text(WRONG)
    (folder / "good.yaml").write_text(GOOD)
    found = bag(folder)
    assert (set(found.dags), found.import_errors) == ({"good"}, {})


def test_a_task_process_builds_its_own_dag_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "jobs.yml").write_text(JOBS)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "two")
    assert set(bag(folder, "jobs.yml").dags) == {"two"}


def test_variables_of_the_fleet_come_from_the_environment_of_its_components(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "p.yaml").write_text("dag_id: orders_${{ vars.stage }}\ntasks: [{id: a}]\n")
    [message] = bag(folder).import_errors.values()
    assert "the fleet has no variable 'stage'" in message
    monkeypatch.setenv("AIRFLEET_VAR_stage", "test")
    found = bag(folder)
    assert (set(found.dags), found.import_errors) == ({"orders_test"}, {})


def test_functions_beside_the_pipelines_can_be_imported_by_their_tasks(folder: Path) -> None:
    (folder.parent / "helper_of_this_test.py").write_text("def f():\n    return 42\n")
    (folder / "p.yaml").write_text("dag_id: p\ntasks: [{id: a, uses: 'helper_of_this_test:f'}]\n")
    assert bag(folder).dags["p"].task_dict["a"].python_callable() == 42


def test_dags_in_python_import_modules_of_the_folder_of_pipelines_and_none_beside_them_as_in_airflow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "words_of_this_test").mkdir()
    (folder / "words_of_this_test" / "words.py").write_text("NAME = 'imported'\n")
    (folder / "team").mkdir()
    dag = "from airflow.sdk import DAG\n{}\nwith DAG('{}'):\n    pass\n"
    lines = {
        "above": "from words_of_this_test.words import NAME",
        "beside": "import neighbour_of_this_test",
        "relative": "from .neighbour_of_this_test import NAME",
    }
    (folder / "team" / "neighbour_of_this_test.py").write_text("NAME = 'not found'\n")
    for name, line in lines.items():
        (folder / "team" / f"{name}.py").write_text(dag.format(line, name))
    bundle = PipelineBundle(name="dags-folder", path=str(folder))
    found = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert set(found.dags) == {"above"}
    assert set(found.import_errors) == {"team/beside.py", "team/relative.py"}


def test_a_file_alone_can_be_a_bundle(folder: Path) -> None:
    (folder / "good.yaml").write_text(GOOD)
    (folder / "wrong.yaml").write_text(WRONG)
    bundle = FileBundle(name="dags-folder", path=str(folder / "good.yaml"))
    found = DagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert (set(found.dags), found.import_errors) == ({"good"}, {})


def test_a_dag_survives_serialization_and_does_not_change_between_two_reads(folder: Path) -> None:
    (folder / "p.yaml").write_text(
        "dag_id: p\nschedule: '@daily'\nstart_date: 2026-01-01\ntags: [a]\ntasks:\n"
        "  - {id: a, uses: 'steps:fetch', with: {day: {$t: '{{ ds }}'}, literal: '{{ ds }}'}}\n"
        "  - {id: b, uses: 'steps:store', with: {files: [{$x: a}]}, retries: 2, retry_delay: 5m}\n"
    )
    (folder.parent / "steps.py").write_text("def fetch(day, literal): ...\ndef store(files): ...\n")
    first, second = (DagSerialization.to_dict(bag(folder).dags["p"]) for _ in range(2))
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    restored = DagSerialization.from_dict(first)
    assert restored.task_dict["b"].upstream_task_ids == {"a"}
    assert restored.task_dict["b"].retries == 2
