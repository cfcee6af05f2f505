"""Dags and tasks that a task starts or waits for are looked for in all pipelines of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines.check import check
from airfleet.client import project
from airfleet.problem_codes import Code

PIPELINES = {
    "orders.yaml": "dag_id: orders\ntasks: [{id: load}, {group: parts, tasks: [{id: a}]}]\n",
    "broken.yaml": "dag_id: broken\nfoo: 1\ntasks: [{id: load}]\n",
    "written.py": "from airflow.sdk import DAG\nwith DAG('by_hand', schedule=None): ...\n",
}


def remarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: str, *paths: str) -> list[str]:
    folder = tmp_path / "pipelines"
    folder.mkdir(exist_ok=True)
    (tmp_path / "fleet.yaml").write_text("name: f\n")
    for name, text in PIPELINES.items():
        (folder / name).write_text(text)
    (folder / "waits.yaml").write_text(f"dag_id: waits\ntasks:\n{tasks}")
    monkeypatch.chdir(tmp_path)
    found = check([Path(path) for path in paths], project.find(tmp_path, None)).remarks
    return [f"{one.path}: {one.sentence} | {one.hint}" for one in found if one.code is Code.UNKNOWN_DAG]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("uses: trigger_dagrun, with: {trigger_dag_id: ordres}",
         "tasks.t.with.trigger_dag_id: no file here has a Dag 'ordres' | did you mean 'orders'?"),
        ("uses: trigger_dagrun, with: {trigger_dag_id: zzzzzz}",
         "tasks.t.with.trigger_dag_id: no file here has a Dag 'zzzzzz' | right if it lives elsewhere"),
        ("uses: external_task_sensor, with: {external_dag_id: orders, external_task_id: laod}",
         "tasks.t.with.external_task_id: Dag 'orders' has no task 'laod' | did you mean 'load'?"),
        ("uses: external_task_sensor, with: {external_dag_id: orders, external_task_ids: [load, gone]}",
         "tasks.t.with.external_task_ids[1]: Dag 'orders' has no task 'gone' | None"),
        ("uses: external_task_sensor, with: {external_dag_id: orders, external_task_group_id: part}",
         "tasks.t.with.external_task_group_id: Dag 'orders' has no group 'part' | did you mean 'parts'?"),
    ],
)  # fmt: skip
def test_one_that_no_file_has_is_a_remark(
    task: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remarks(tmp_path, monkeypatch, f"- {{id: t, {task}}}\n") == [said]


@pytest.mark.parametrize(
    "task",
    [
        "uses: trigger_dagrun, with: {trigger_dag_id: orders}",
        "uses: trigger_dagrun, with: {trigger_dag_id: by_hand}",
        "uses: trigger_dagrun, with: {trigger_dag_id: broken}",
        "uses: trigger_dagrun, with: {trigger_dag_id: {$t: '{{ params.x }}'}}",
        "uses: external_task_sensor, with: {external_dag_id: broken, external_task_id: any}",
        "uses: external_task_sensor, with: {external_dag_id: orders, external_task_id: parts.a}",
    ],
)
def test_nothing_is_said_of_one_that_is_there_or_not_known(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remarks(tmp_path, monkeypatch, f"- {{id: t, {task}}}\n") == []


def test_a_file_alone_knows_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = "- {id: t, uses: trigger_dagrun, with: {trigger_dag_id: zzzzzz}}\n"
    assert remarks(tmp_path, monkeypatch, task, "pipelines/waits.yaml") == []
    (tmp_path / "pipelines/made.py").write_text("from airflow.sdk import DAG\nfor n in 'ab':\n    DAG(n)\n")
    assert remarks(tmp_path, monkeypatch, task) == []
