"""What the recovery of lost attempts takes over from Airflow and Celery. When one of these fails, upstream moved:
read what changed before the digest is renewed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.workloads import ExecuteTask
from airflow.executors.workloads.base import BaseWorkloadSchema
from airflow.jobs.job import Job, run_job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.base import Base
from airflow.models.callback import ACTIVE_STATES, CallbackType
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.trigger import Trigger
from airflow.sdk.api.client import Client, ServerResponseError, TaskInstanceOperations
from airflow.sdk.exceptions import TaskAlreadyRunningError
from airflow.sdk.execution_time import task_runner
from airflow.utils.session import create_session
from airflow.utils.state import CallbackState, JobState, State, TaskInstanceState

from airfleet.agent.recovery import attempt_processes, job_fencing
from airfleet.metadata import lost_attempts
from airfleet.scheduler import lost_work
from airfleet.worker import celery_task, result_backend
from support.upstream import digest

#: relied upon step by step
TAKEN_OVER = {
    SchedulerJobRunner.adopt_or_reset_orphaned_tasks: "26ac20990eae78d1",
    SchedulerJobRunner._find_and_purge_task_instances_without_heartbeats: "dee88133780b20b4",
    SchedulerJobRunner._purge_task_instances_without_heartbeats: "28901dcef9c42395",
    SchedulerJobRunner._enqueue_executor_callbacks: "d2b993fdca1d5130",
    TaskInstance.prepare_db_for_next_try: "097870362dd9fe82",
    TaskInstance.clear_next_method_args: "8bae3854be19787c",
    TaskInstanceHistory.record_ti: "75ef6bb9e0b5db1c",
    Trigger.assign_unassigned.__func__: "c29d5dce9418aa19",
    Job.prepare_for_execution: "af44d38f31a373ef",
    Job.heartbeat: "b4ec1cf203fa83eb",
    run_job: "28d5fd848d1c313f",
    ExecuteTask.make.__func__: "a9d6a37a6a287bfd",
    BaseWorkloadSchema.generate_token: "35c959a2f0261eb7",
    TaskInstanceOperations.start: "0c63180271f94ef9",
}


@pytest.mark.parametrize("function", TAKEN_OVER, ids=lambda function: function.__qualname__)
def test_upstream_does_what_it_did_when_ours_was_written(function: Callable[..., Any]) -> None:
    assert digest(inspect.unwrap(function)) == TAKEN_OVER[function], f"{function.__qualname__} changed: compare"


def test_the_processes_of_an_attempt_name_it_in_their_titles() -> None:
    for supervises in (BaseExecutor.run_workload, celery_task._supervise):
        assert f'f"{attempt_processes.MONITOR}{{workload.display_name}}"' in inspect.getsource(supervises)
    assert f'f"{attempt_processes.ATTEMPT}{{msg.ti.id}}"' in inspect.getsource(task_runner)


def test_the_columns_that_agents_and_schedulers_name_are_there() -> None:
    tables = Base.metadata.tables
    assert {"id", "state", "end_date", "job_type", "hostname"} <= set(tables["job"].columns.keys())
    assert {
        "id", "pid", "state", "hostname", "last_heartbeat_at", "external_executor_id", "queued_by_job_id", "max_tries",
        "try_number", "dag_id", "run_id", "task_id", "map_index", "queue", "dag_version_id",
    } <= set(tables["task_instance"].columns.keys())  # fmt: skip
    assert {"id", "type", "state"} <= set(tables["callback"].columns.keys())
    assert (CallbackType.EXECUTOR.value, CallbackState.PENDING.value, JobState.RUNNING.value) == (
        "executor", "pending", "running",
    )  # fmt: skip
    assert {state.value for state in ACTIVE_STATES} == {"pending", "queued", "running"}
    for query in (lost_attempts.RUNNING_HERE, lost_attempts.REPORT, lost_work.MINE, str(lost_work.OWN)):
        assert "FROM task_instance" in query or "UPDATE task_instance" in query
    assert "UPDATE job SET state" in job_fencing.FENCE
    assert {"running", "restarting"} <= {str(state) for state in State.adoptable_states}


def test_a_dead_worker_is_known_by_the_name_of_its_error() -> None:
    from celery.exceptions import WorkerLostError

    assert result_backend.worker_was_lost(WorkerLostError("signal 9"))
    assert not result_backend.worker_was_lost(RuntimeError("signal 9"))


def refused(status: int, detail: object, path: str = "/run") -> Exception:
    """What Airflow's client raises when a start is refused."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"detail": detail}, request=request)

    client = Client(base_url="http://nowhere/execution/", token="", transport=httpx.MockTransport(answer))
    with pytest.raises((ServerResponseError, TaskAlreadyRunningError)) as raised:
        client.patch(f"task-instances/0199aaaa-0000-7000-8000-000000000001{path}", content="{}")
    return raised.value


@pytest.mark.parametrize("state", [*TaskInstanceState, None])
def test_a_start_that_is_refused_because_of_a_state_is_known(state: str | None) -> None:
    error = refused(409, {"reason": "invalid_state", "message": "no", "previous_state": state})
    assert isinstance(error, ServerResponseError)
    assert celery_task.is_refused_start(error)


@pytest.mark.parametrize(("status", "begun"), [(200, True), (409, False), (403, False)])
def test_that_an_attempt_has_begun_is_known_by_the_answer_to_its_start(status: int, begun: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"detail": "no"}, request=request)

    client = Client(base_url="http://nowhere/execution/", token="", transport=httpx.MockTransport(answer))
    start, path = celery_task.Start(), "task-instances/0199aaaa-0000-7000-8000-000000000001"
    with start.noticed_by(client), suppress(ServerResponseError):
        client.patch(f"{path}/run", content="{}")
    assert start.told is begun
    assert f"{path.partition('/')[0]}/{{id}}/run" in inspect.getsource(TaskInstanceOperations.start)
    assert start not in client.event_hooks["response"]


def test_what_is_sent_next_is_chosen_where_it_can_be_limited() -> None:
    assert list(inspect.signature(BaseExecutor._get_workloads_to_schedule).parameters) == ["self", "open_slots"]
    assert "self._get_workloads_to_schedule(open_slots)" in inspect.getsource(BaseExecutor.trigger_tasks)
    assert "for key, workload in workloads_to_schedule" in inspect.getsource(BaseExecutor.trigger_tasks)


def test_a_session_can_be_had_that_is_not_that_of_the_thread() -> None:
    assert "NonScopedSession" in inspect.getsource(create_session)


def test_other_refusals_stay_failures() -> None:
    unknown = refused(404, {"reason": "not_found", "message": "no such attempt"})
    assert isinstance(unknown, ServerResponseError)
    assert celery_task.is_refused_start(unknown)
    for error in (
        refused(403, "the token has expired"),
        refused(409, {"reason": "invalid_state"}, path="/state"),
        refused(404, {"reason": "not_found"}, path="/heartbeat"),
    ):
        assert isinstance(error, ServerResponseError)
        assert not celery_task.is_refused_start(error)
