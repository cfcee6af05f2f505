"""What a fleet's scheduler queues by one statement is what Airflow would have queued."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from airfleet.testing.fleet import clean_environment
from airfleet.testing.servers import Servers

DAGS = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for name, limit in {"d0": None, "d1": None, "d2": None, "limited": 1}.items():
    with DAG(name, schedule=None) as dag:
        for task in range(6):
            EmptyOperator(task_id=f"t{task}", max_active_tis_per_dag=limit)
    globals()[name] = dag
"""


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What both chose in each situation."""
    folder = tmp_path_factory.mktemp("two-choices")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    (folder / "dags").mkdir()
    (folder / "dags" / "choices.py").write_text(DAGS)
    with Servers(folder / "servers") as servers:
        database = servers.database("two_choices").replace("://", "+psycopg://")
        environment = clean_environment() | {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-m", "support.two_choices"],
            env=environment, capture_output=True, text=True, cwd=folder, timeout=200, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def ids(choice: dict[str, Any]) -> list[str]:
    return [workload["ti"]["id"] for workload in choice["workloads"]]


def test_situations_are_of_both_kinds(choices: list[dict[str, Any]]) -> None:
    kinds = [(choice["plain"], bool(choice["ours"]["workloads"])) for choice in choices]
    assert kinds.count((True, True)) > 60
    assert kinds.count((True, False)) > 15
    assert kinds.count((False, True)) > 20


def test_where_it_is_plain_the_first_are_queued_that_airflow_would_queue(choices: list[dict[str, Any]]) -> None:
    for choice in choices:
        if choice["plain"]:
            assert ids(choice["ours"]) == ids(choice["whole"])[: choice["most"]]
            # Airflow looks only at so many, and may find room for fewer of them.
            assert set(ids(choice["theirs"])) <= set(ids(choice["ours"]))


def test_what_is_handed_on_and_what_the_database_has_is_the_same(choices: list[dict[str, Any]]) -> None:
    same = [choice for choice in choices if ids(choice["ours"]) == ids(choice["theirs"])]
    assert len(same) > 0.9 * len(choices)
    for choice in same:
        assert choice["ours"] == choice["theirs"]


def test_where_it_is_not_plain_airflow_chooses(choices: list[dict[str, Any]]) -> None:
    for choice in choices:
        if not choice["plain"]:
            assert choice["ours"] == choice["theirs"]
