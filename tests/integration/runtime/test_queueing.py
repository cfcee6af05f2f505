"""What a fleet's scheduler queues by one statement is what Airflow would have queued."""

from __future__ import annotations

from typing import Any

import pytest

from support.beside_airflow import told_by

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
    found: list[dict[str, Any]] = told_by("support.two_choices", DAGS, folder, AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR")
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
