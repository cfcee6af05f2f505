"""What the scheduler and the executor take over from Airflow and Celery. When one of these fails, upstream moved:
read what changed before the digest is renewed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.executor_loader import ExecutorLoader
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from airflow.models.base import Base
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.deadline import Deadline
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.serialization.definitions.baseoperator import DEFAULT_OPERATOR_DEPS
from airflow.ti_deps.dependencies_states import EXECUTION_STATES
from airflow.utils.sqlalchemy import CommitProhibitorGuard

from airfleet.metadata import notification_triggers
from airfleet.scheduler import bulk_enqueue as queueing
from airfleet.scheduler import ready_tasks, run_choice
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.isolation import unloadable_rows
from airfleet.scheduler.isolation.dags import DagIsolation
from airfleet.scheduler.isolation.loop import LoopIsolation
from airfleet.scheduler.isolation.runs import RunIsolation
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from airfleet.scheduler.lost_work import LostWork
from airfleet.scheduler.run_choice import RememberingDagBag, RunChoice
from support.upstream import digest

#: written anew here, or relied upon step by step
TAKEN_OVER = {
    SchedulerJobRunner._do_scheduling: "467961fd8db1857d",
    SchedulerJobRunner._run_scheduler_loop: "3142235e80a3a936",
    SchedulerJobRunner._schedule_dag_run: "d5c27c82004bbef8",
    SchedulerJobRunner._schedule_all_dag_runs: "be16480773a3305d",
    SchedulerJobRunner._verify_integrity_if_dag_changed: "fa8df77ef8b2f9d9",
    SchedulerJobRunner._critical_section_enqueue_task_instances: "028c3cd9c9b67b7e",
    SchedulerJobRunner._executable_task_instances_to_queued: "3ef4d62395d0daa6",
    Pool.slots_stats: "766522b9e3184fdc",
    SchedulerJobRunner.process_executor_events.__func__: "202f470d891868e7",
    SchedulerJobRunner._create_dag_runs: "4c0ace5ae00b8ee0",
    SchedulerJobRunner._create_dag_runs_asset_triggered: "66f58a95f8118de6",
    DagRun.produce_dag_callback: "70ed71af3e5ab69b",
    CommitProhibitorGuard: "c07d56ed0141a943",
    SchedulerJobRunner._start_queued_dagruns: "7dbaeaeb37a309fd",
    SchedulerJobRunner._create_dagruns_for_dags: "69e93796c5e4b781",
    SchedulerJobRunner._create_dagruns_for_partitioned_asset_dags: "da692f154aea59fc",
    SchedulerJobRunner._enqueue_executor_callbacks: "d2b993fdca1d5130",
    DagModel.dags_needing_dagruns.__func__: "0bfdf4958511a8f7",
    Deadline.handle_miss: "7ea7d2bd813e25e0",
    TriggerRunnerSupervisor.update_triggers: "371128f79988180c",
    SchedulerJobRunner._purge_task_instances_without_heartbeats: "28901dcef9c42395",
    DagRun.get_running_dag_runs_to_examine.__func__: "11f802bc03e29ad5",
    DagRun.task_instance_scheduling_decisions: "230dd1ceb2745a0f",
    DagRun.update_state: "48cf1dc1a0c3c78e",
    DagRun._get_ready_tis: "2e0e6c226a8b9c62",
    DagRun.schedule_tis: "cb906c78b9a027fd",
    TaskInstance.is_task_schedulable: "3cd9f6728cb7ca86",
    TaskInstance.defer_task: "d4bf0a0fad8e30e4",
    DBDagBag._version_from_dag_run: "224e9b9922ce54c2",
    BaseExecutor.heartbeat: "895604bf002650c1",
    BaseExecutor.trigger_tasks: "28c1b6575a2d1240",
    CeleryExecutor._process_workloads: "3faba09952e3e5b9",
    CeleryExecutor._send_workloads: "71ef1ba2dd1265d4",
    CeleryExecutor.sync: "34df0b66c7ed5c7f",
    CeleryExecutor.change_state: "481ffbf12466fa55",
    CeleryExecutor.update_task_state: "b4b58c0ff8919368",
    CeleryExecutor.revoke_task: "a7190f8202997e81",
    CeleryExecutor.try_adopt_task_instances: "4b0584a4e1be7f94",
    CeleryExecutor.end: "ab3dbbcc211a6a01",
}


@pytest.mark.parametrize("function", TAKEN_OVER, ids=lambda function: function.__qualname__)
def test_upstream_does_what_it_did_when_ours_was_written(function: Callable[..., Any]) -> None:
    assert digest(function) == TAKEN_OVER[function], f"{function.__qualname__} changed: compare ours with it"


def overridden(ours: type) -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """Each method of ours that replaces one, with the one that it replaces."""
    found = []
    for name, function in vars(ours).items():
        theirs = next((vars(base)[name] for base in ours.__mro__[1:] if name in vars(base)), None)
        if inspect.isfunction(function) and theirs is not None and name != "__init__":
            found.append((function, inspect.unwrap(getattr(theirs, "__func__", theirs))))
    return found


@pytest.mark.parametrize(
    "ours",
    [
        FleetExecutor,
        FleetSchedulerJobRunner,
        LostWork,
        RunChoice,
        LoopIsolation,
        RunIsolation,
        DagIsolation,
        RememberingDagBag,
    ],
)
def test_what_is_overridden_takes_what_upstream_gives(ours: type) -> None:
    pairs = overridden(ours)
    assert pairs
    for mine, theirs in pairs:
        given = [name for name in inspect.signature(theirs).parameters if name != "self"]
        taken = [name for name in inspect.signature(mine).parameters if name != "self"]
        assert taken == given, mine.__qualname__


def test_the_parts_of_a_pass_are_called_like_this() -> None:
    for function, names in {
        SchedulerJobRunner._create_dagruns_for_dags: ["self", "guard", "session"],
        SchedulerJobRunner._start_queued_dagruns: ["self", "session"],
        SchedulerJobRunner._stamp_team_names: ["self", "dag_runs", "session"],
        SchedulerJobRunner._schedule_all_dag_runs: ["self", "guard", "dag_runs", "session"],
        SchedulerJobRunner._send_dag_callbacks_to_processor: ["self", "dag", "callback"],
        SchedulerJobRunner._critical_section_enqueue_task_instances: ["self", "session"],
    }.items():
        assert list(inspect.signature(inspect.unwrap(function)).parameters) == names


def test_an_event_for_a_queued_task_would_only_store_the_id_that_is_stored_already() -> None:
    events = inspect.getsource(SchedulerJobRunner.process_executor_events)
    queued = events.partition("if state in (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING):")[2]
    assert [line.strip() for line in queued.splitlines()[1:4]] == [
        "ti.external_executor_id = info",
        'cls.logger().info("Setting external_executor_id for %s to %s", ti, info)',
        "continue",
    ]
    assert FleetExecutor.pre_assigns_external_executor_id is True
    queueing = inspect.getsource(SchedulerJobRunner._executable_task_instances_to_queued)
    assert 'queued_values["external_executor_id"] = random_db_uuid()' in queueing


def test_the_columns_and_tables_that_triggers_and_queries_name_are_there() -> None:
    tables = Base.metadata.tables
    for table, *_ in notification_triggers._TRIGGERS:
        assert table in tables, table
    dag = set(tables["dag"].columns.keys())
    assert {
        "is_paused", "is_stale", "has_import_errors", "exceeds_max_non_backfill", "next_dagrun_create_after",
        "max_active_runs", "max_active_tasks", "bundle_name", "asset_expression",
    } <= dag  # fmt: skip
    assert {"id", "dag_id", "run_id", "task_id", "state", "external_executor_id"} <= set(
        TaskInstance.__table__.columns.keys()
    )
    assert {"ti_id", "reschedule_date"} <= set(tables["task_reschedule"].columns.keys())
    assert {"dag_id"} <= set(tables["serialized_dag"].columns.keys())
    assert {"dag_id", "run_id", "state", "run_after"} <= set(tables["dag_run"].columns.keys())
    assert {"scheduled_dttm", "try_number", "updated_at"} <= set(TaskInstance.__table__.columns.keys())
    # What is set by itself when a row changes is set by our statement, too.
    assert [column.name for column in TaskInstance.__table__.columns if column.onupdate] == ["updated_at"]
    assert "updated_at = :now" in str(run_choice.SCHEDULE)
    assert "updated_at = :now" in queueing.CHOOSE
    assert {"pool", "slots", "include_deferred"} <= set(tables["slot_pool"].columns.keys())
    assert {"is_paused", "max_active_tasks", "bundle_name", "has_task_concurrency_limits"} <= dag
    assert {"pool", "pool_slots", "executor", "priority_weight", "map_index", "queued_dttm", "queued_by_job_id"} <= set(
        TaskInstance.__table__.columns.keys()
    )


def test_states_that_take_room_are_those_that_our_choice_counts() -> None:
    assert {state.value for state in EXECUTION_STATES} == {"running", "queued"}
    assert "WHERE state IN ('running', 'queued')" in queueing.CHOOSE


def test_every_task_has_the_dependencies_that_are_known() -> None:
    assert {type(dependency).__name__ for dependency in DEFAULT_OPERATOR_DEPS} == ready_tasks._USUAL


def test_airflow_finds_the_executor_under_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.executors import executor_loader
    from airflow.executors.executor_utils import ExecutorName

    alias, path = "CeleryExecutor", "airfleet.scheduler.executor.FleetExecutor"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", f"{alias}:{path}")
    for name in ("_executor_names", "_alias_to_executors_per_team", "_module_to_executors_per_team",
                 "_classname_to_executors_per_team", "_team_name_to_executors"):  # fmt: skip
        monkeypatch.setattr(
            executor_loader, name, type(getattr(executor_loader, name))(*_factory(executor_loader, name))
        )
    assert ExecutorLoader.get_default_executor_name() == ExecutorName(module_path=path, alias=alias)
    assert ExecutorLoader.lookup_executor_name_by_str("CeleryExecutor").module_path == path
    assert ExecutorLoader.lookup_executor_name_by_str("FleetExecutor").module_path == path
    found, _ = ExecutorLoader.import_default_executor_cls()
    assert found is FleetExecutor
    assert {command.name for command in found.get_cli_commands()} == {"celery"}


def _factory(module: Any, name: str) -> tuple[Any, ...]:
    current = getattr(module, name)
    return (current.default_factory,) if hasattr(current, "default_factory") else ()


def test_a_worker_heeds_the_header_of_a_message_about_its_result() -> None:
    from celery import Celery
    from celery.app.task import Context
    from celery.app.trace import get_actual_ignore_result

    task = Celery("t", set_as_current=False).task(lambda: None, name="execute_workload")
    for header in (True, False):
        assert get_actual_ignore_result(task, Context({"ignore_result": header})) is header
    source = inspect.getsource(inspect.getmodule(get_actual_ignore_result))  # type: ignore[arg-type]
    assert "store_errors = task.store_errors_even_if_ignored" in source


def test_the_columns_that_are_read_by_python_are_those_of_which_a_row_is_mended() -> None:
    """Others are read by the database's driver, which takes whatever PostgreSQL has stored."""
    own = {"ExecutorConfigType", "ExtendedJSON"}
    looked_after = {(one.column.class_.__tablename__, one.column.key) for one in unloadable_rows._columns()}
    found = {
        (name, column.name)
        for name in ("task_instance", "dag_run", "callback", "trigger", "deadline", "dag", "backfill")
        for column in Base.metadata.tables[name].columns
        if type(column.type).__name__ in own
    }
    assert found
    assert looked_after == found | {("task_instance", "next_kwargs")}
