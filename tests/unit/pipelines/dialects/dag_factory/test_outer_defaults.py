"""``defaults.yml`` beside a file of dag-factory, and above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

FILE = """\
default: {default_args: {owner: block}, catchup: true}
orders:
  default_args: {retries: 3}
  tasks: [{task_id: a, operator: airflow.operators.bash.BashOperator, bash_command: ls}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").touch()
    folder = tmp_path / "pipelines" / "shop"
    folder.mkdir(parents=True)
    (folder / "orders.yml").write_text(FILE)
    return folder


def the_dag(folder: Path) -> Any:
    checked = read_and_check(folder / "orders.yml", environ={"TEAM": "blue"})
    assert [str(problem) for problem in checked.problems] == []
    return checked.pipelines[0]


def test_the_nearest_file_wins_and_the_block_wins_over_it(folder: Path) -> None:
    (folder.parent.parent / "defaults.yml").write_text("default_args: {pool: outer, owner: outer}\ntags: [b]\n")
    (folder / "defaults.yml").write_text(
        "default_args: {owner: near, queue: $TEAM, retries: 1}\ncatchup: false\ntags: [a]\nmax_active_runs: 2\n"
    )
    dag = the_dag(folder)
    assert dag.defaults == {"owner": "block", "pool": "outer", "queue": "blue", "retries": 3}
    assert dag.options["catchup"] is True
    assert dag.options["max_active_runs"] == 2
    assert dag.options["tags"] == ("a", "b")


def test_files_above_the_project_do_not_count(folder: Path) -> None:
    (folder.parent.parent.parent / "defaults.yml").write_text("default_args: {pool: far}\n")
    assert the_dag(folder).defaults == {"owner": "block", "retries": 3}


@pytest.mark.parametrize("content", ["defaults: {pool: x}\n", "- 1\n", "", "orders: {tasks: [{task_id: a}]}\n"])
def test_files_of_another_kind_are_left_alone(content: str, folder: Path) -> None:
    (folder / "defaults.yml").write_text(content)
    assert "pool" not in the_dag(folder).defaults


def test_shared_parts_of_our_own_do_not_count(folder: Path) -> None:
    (folder / "defaults.yaml").write_text("defaults: {pool: x, retries: 9}\ntags: [a]\n")
    dag = the_dag(folder)
    assert (dag.defaults, dag.options.get("tags")) == ({"owner": "block", "retries": 3}, None)


def test_a_document_of_parts_before_it_in_the_file_does_not_count(folder: Path) -> None:
    (folder / "orders.yml").write_text(f"defaults: {{pool: x}}\n---\n{FILE}---\ndag_id: own\ntasks: [{{id: a}}]\n")
    checked = read_and_check(folder / "orders.yml", environ={})
    assert [one.defaults.get("pool") for one in checked.pipelines] == [None, "x"]
    (folder / "orders.yml").write_text(f"defaults: {{pool: x}}\n---\n{FILE}")
    [problem] = read_and_check(folder / "orders.yml", environ={}).problems
    assert problem.sentence == "this document has 'defaults' alone, and no document follows that could use it"


def test_a_dag_changes_with_its_defaults(folder: Path) -> None:
    stamps = read_and_check(folder / "orders.yml", environ={}).taken_in
    assert stamps[str(folder / "defaults.yml")] is None
    (folder / "defaults.yml").write_text("default_args: {}\n")
    assert read_and_check(folder / "orders.yml", environ={}).taken_in[str(folder / "defaults.yml")] is not None
