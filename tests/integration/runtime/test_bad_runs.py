"""No Dag and no run stops the scheduler: it becomes visible what is wrong with it, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from support.beside_airflow import told_by

DAGS = """
import datetime as dt
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, PartitionedAssetTimetable

def tell(context): pass

due = dict(schedule="@hourly", start_date=dt.datetime(2026, 1, 1), catchup=False)
for name, options, of_task in (
    ("first_due", due, {}),
    ("overflow", due, {"retries": 99999999999}),
    ("unreadable_due", due, {}),
    ("last_due", due, {}),
    ("waits_for_ever", {"on_failure_callback": tell}, {"retries": 2, "retry_delay": dt.timedelta(days=9999999)}),
    ("callback_refused", {"on_failure_callback": tell}, {"retries": 2, "retry_delay": dt.timedelta(days=9999999)}),
    ("half_done", {"on_success_callback": tell}, {}),
    ("unreadable", {}, {}),
    ("unreadable_running", due | {"max_active_runs": 100}, {}),
    ("unreadable_queued", due | {"max_active_runs": 100}, {}),
    ("unreadable_queued_too", {"max_active_runs": 100}, {}),
    ("unreadable_queued_due_too", due | {"max_active_runs": 100}, {}),
    ("refused", {}, {}),
    ("unloadable", {}, {}),
    ("misshapen", {}, {}),
    ("unreadable_of_asset", {"schedule": Asset("changed")}, {}),
    ("of_asset", {"schedule": Asset("changed")}, {}),
    ("refused_start", {}, {}),
    ("started", {}, {}),
    ("partition_overflow", {"schedule": PartitionedAssetTimetable(assets=Asset("parts"))}, {"retries": 99999999999}),
    ("partition_fine", {"schedule": PartitionedAssetTimetable(assets=Asset("parts"))}, {}),
    ("beside", {}, {}),
):
    with DAG(name, **({"schedule": None} | options)) as dag:
        EmptyOperator(task_id="a", **of_task) >> EmptyOperator(task_id="b")
    globals()[name] = dag
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bad-runs")
    told: dict[str, Any] = told_by("support.bad_runs", DAGS, folder, AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING")
    return told


def states(found: dict[str, Any], dag_id: str) -> list[str]:
    return [state for dag, _, state, _ in found["runs"] if dag == dag_id]


def test_a_dag_of_which_no_run_can_be_made_stops_no_other_and_has_an_import_error(found: dict[str, Any]) -> None:
    assert states(found, "overflow") == []
    assert [states(found, name) for name in ("first_due", "last_due")] == [["success"], ["success"]]
    assert any("No run of Dag 'overflow' can be made: integer out of range" in why for why in found["errors"])


def test_runs_of_a_dag_that_cannot_be_read_wait_and_it_has_an_import_error(found: dict[str, Any]) -> None:
    assert states(found, "unreadable") == ["running"]
    assert any("Dag 'unreadable' cannot be read as it is stored: " in why for why in found["errors"])


@pytest.mark.parametrize(
    ("dag_id", "why"),
    [
        ("waits_for_ever", "OverflowError: date value out of range"),
        ("callback_refused", "OverflowError: date value out of range"),
        ("refused", "integer out of range"),
        ("refused_start", "integer out of range"),
    ],
)
def test_a_run_at_which_the_scheduler_fails_again_and_again_has_failed(
    dag_id: str, why: str, found: dict[str, Any]
) -> None:
    ((state, note),) = [(state, note) for dag, _, state, note in found["runs"] if dag == dag_id]
    assert (state, note) == ("failed", f"The scheduler cannot go on with run 'one' of Dag '{dag_id}': {why}")
    unfinished = (None, "scheduled", "queued", "running", "up_for_retry")
    assert not [task for task in found["tasks"] if task[0] == dag_id and task[3] in unfinished]


def test_the_callback_of_such_a_run_is_called(found: dict[str, Any]) -> None:
    assert any("waits_for_ever" in request for request in found["callbacks"])


def test_a_callback_that_the_database_refuses_undoes_nothing_of_its_run(found: dict[str, Any]) -> None:
    assert states(found, "callback_refused") == ["failed"]
    assert not any("callback_refused" in request for request in found["callbacks"])


def test_nothing_stays_of_a_look_at_a_run_that_failed_half_way_and_its_callback_comes_with_its_state(
    found: dict[str, Any],
) -> None:
    assert states(found, "half_done") == ["success"]
    assert sum("half_done" in request for request in found["callbacks"]) == 1


@pytest.mark.parametrize(
    ("dag_id", "why"),
    [
        ("unloadable", "'executor_config' of this task instance cannot be loaded: ModuleNotFoundError: "),
        ("misshapen", "'next_kwargs' of this task instance cannot be loaded: a mapping is expected, not list"),
    ],
)
def test_a_task_of_which_the_row_cannot_be_loaded_fails_alone(dag_id: str, why: str, found: dict[str, Any]) -> None:
    ((state,),) = [(state,) for dag, _, task, state in found["tasks"] if (dag, task) == (dag_id, "a")]
    ((note,),) = [(note,) for dag, task, note in found["notes"] if (dag, task) == (dag_id, "a")]
    assert state == "failed"
    assert note.startswith(why)
    assert any(why in request and dag_id in request for request in found["callbacks"])
    assert states(found, dag_id) == ["failed"]


def test_a_dag_of_an_asset_that_cannot_be_read_stops_no_other_dag_of_it(found: dict[str, Any]) -> None:
    assert states(found, "unreadable_of_asset") == []
    assert any("Dag 'unreadable_of_asset' cannot be read as it is stored: " in why for why in found["errors"])
    assert len(states(found, "of_asset")) == 1


def test_a_run_that_cannot_start_stops_no_other_one(found: dict[str, Any]) -> None:
    assert states(found, "started") == ["success"]


def test_many_runs_of_dags_that_cannot_be_read_hold_up_no_other_one(found: dict[str, Any]) -> None:
    assert set(states(found, "unreadable_running")) == {"running"}
    for dag_id in ("unreadable_queued", "unreadable_queued_too", "unreadable_queued_due_too"):
        assert set(states(found, dag_id)) == {"queued"}
    assert states(found, "started") == ["success"]
    ((_, _, _, state),) = [task for task in found["tasks"] if task[0] == "beside" and task[2] == "a"]
    assert state == "success"


def test_a_partition_of_which_no_run_can_be_made_stops_no_other_dag(found: dict[str, Any]) -> None:
    assert (states(found, "partition_overflow"), len(states(found, "partition_fine"))) == ([], 1)
    assert any("No run of Dag 'partition_overflow' can be made: integer out of range" in why for why in found["errors"])


def test_a_deadline_that_cannot_be_handled_stops_no_other_one(found: dict[str, Any]) -> None:
    assert found["deadlines"] == {"failed": True, "states": {"bad": "scheduled", "good": "queued"}, "open": 0}


def test_the_other_runs_go_on(found: dict[str, Any]) -> None:
    ((_, _, _, state),) = [task for task in found["tasks"] if task[0] == "beside" and task[2] == "a"]
    assert state == "success"
