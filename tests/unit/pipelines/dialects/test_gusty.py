"""Folders of gusty become Dags."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from airfleet.pipelines.conversion.converter import convert
from airfleet.pipelines.dialects import gusty
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.pipelines.dialects.translation import Translation
from airfleet.yaml import nodes

METADATA = """\
schedule_interval: "@daily"
default_args:
  owner: me
  start_date: !days_ago 28
  retry_delay: !timedelta 'minutes: 5'
external_dependencies: [{other: all}]
"""
ROWS = """\
---
operator: airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator
conn_id: db
dependencies: [hi]
external_dependencies: [{raw: load}]
---
SELECT 1
FROM x
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "inner").mkdir(parents=True)
    (folder / "METADATA.yml").write_text(METADATA)
    (folder / "hi.yml").write_text("operator: airflow.operators.bash.BashOperator\nbash_command: date\n")
    (folder / "rows.sql").write_text(ROWS)
    (folder / "inner/METADATA.yml").write_text("tooltip: In it\n")
    (folder / "inner/last.yml").write_text("operator: a.B\ndependencies: [rows]\n")
    return folder


def the_dag(folder: Path) -> Any:
    translation = Translation(str(folder / "METADATA.yml"), Environment(None), dt.date(2026, 3, 15))
    (dag,) = nodes.plain(gusty.document(folder, translation)).values()
    assert translation.report.problems == []
    return dag


def test_each_file_is_a_task_and_each_folder_a_group(folder: Path) -> None:
    dag = the_dag(folder)
    assert dag["default_args"] == {
        "owner": "me",
        "start_date": "28 days",
        "retry_delay": {"__type__": "datetime.timedelta", "minutes": 5},
    }
    assert dag["task_groups"] == [{"group_name": "inner", "prefix_group_id": False, "tooltip": "In it"}]
    tasks = {task["task_id"]: task for task in dag["tasks"]}
    assert {name: task.get("dependencies") for name, task in tasks.items()} == {
        "latest_only": None,
        "wait_for_other": ["latest_only"],
        "hi": ["wait_for_other"],
        "last": ["rows"],
        "wait_for_raw_load": ["wait_for_other"],
        "rows": ["hi", "wait_for_raw_load"],
    }
    assert tasks["rows"]["sql"] == "SELECT 1\nFROM x"
    assert tasks["last"]["task_group_name"] == "inner"
    assert tasks["wait_for_raw_load"]["external_task_id"] == "load"


def test_latest_only_can_be_off(folder: Path) -> None:
    (folder / "METADATA.yml").write_text("latest_only: false\n")
    assert "latest_only" not in [task["task_id"] for task in the_dag(folder)["tasks"]]


def test_a_folder_is_converted(folder: Path) -> None:
    found = convert(folder)
    assert found.kind == "a folder of gusty"
    assert found.problems == ()
    assert "  - id: rows\n    uses: sql_execute_query\n    needs: [hi, wait_for_raw_load]\n" in found.text
    assert "      sql: |-\n        SELECT 1\n        FROM x\n" in found.text


def test_programs_are_named(folder: Path) -> None:
    (folder / "load.py").write_text("x = 1\n")
    (problem,) = convert(folder).problems
    assert problem.sentence.startswith("this task is not carried over")
    assert problem.place.file == str(folder / "load.py")


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (problem,) = convert(tmp_path).problems
    assert problem.sentence == "airfleet does not know this format"
