"""What living through outages takes over from Airflow: its client, its monitor's loop, its triggerer, its callbacks.

When one of these fails, upstream moved: read what changed before a digest is renewed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import httpx
import pytest
from airflow import settings
from airflow.api_fastapi.common import exceptions
from airflow.api_fastapi.common.db.common import _get_session
from airflow.api_fastapi.execution_api.routes import dag_runs, task_instances
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.dag_processing import processor
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.dag_processing.processor import DagFileProcessorProcess
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.jobs.triggerer_job_runner import TriggererJobRunner, TriggerRunner, TriggerRunnerSupervisor
from airflow.models.callback import Callback, DagProcessorCallback
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.sdk.api import client
from airflow.sdk.api.client import Client, DagRunOperations, TaskInstanceOperations
from airflow.sdk.execution_time import supervisor
from airflow.sdk.execution_time.supervisor import ActivitySubprocess, WatchedSubprocess
from sqlalchemy import Text

from airfleet.dag_processor.callback_running import CallbackRunningManager
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from airfleet.triggerer.job_runner import RestingTriggerRunner
from airfleet.worker.attempt_monitor import AttemptMonitor
from support.upstream import digest, parameters

#: repeated here in other words, or relied upon in every step
TAKEN_OVER: dict[Callable[..., Any], str] = {
    # api_client: which requests are tried again, and what a refusal is
    client._should_retry_api_request: "ccf9f28ac1ac6b77",
    client.raise_on_4xx_5xx_with_note: "25c3b3209341c1d1",
    Client._update_auth: "e19277d43310c77b",
    DagRunOperations.trigger: "b0aff69f83c6cd4b",
    TaskInstanceOperations.heartbeat: "1ce395039112daf8",
    task_instances.ti_heartbeat: "53021bf458a1148d",
    # database_failures: how an end is recorded that the database did not take, and what a handler's session is
    task_instances.ti_update_state: "f2dd075fdf50f109",
    _get_session: "4e499eec337baba7",
    dag_runs.get_dr_count: "5f44bedc918e7f7e",
    # attempt_monitor: requests are served after the sockets were read, and heartbeats may fail
    WatchedSubprocess.handle_requests: "4a00cb4b94c7383b",
    WatchedSubprocess.kill: "c1fc6eaa69913cac",
    supervisor.length_prefixed_frame_reader: "8b813c83f7ad2dd2",
    # monitor.limits: which names events cannot have for their fields
    supervisor.process_log_messages_from_subprocess: "90f7d342dcf2446f",
    supervisor._log_to_target: "8b8b9cbf2b19d2f6",
    ActivitySubprocess._handle_heartbeat_failures: "5bb78e00495260ac",
    ActivitySubprocess._handle_process_overtime_if_needed: "971b12b188a256f4",
    ActivitySubprocess._send_terminal_state_msg: "52ad282e8a743b6a",
    ActivitySubprocess._replay_pending_terminal_state_msg: "2e7e2e4fa7ee76d8",
    # triggerer: which steps a turn of its loop has, and what each takes out of its line first
    TriggerRunner.create_triggers: "fed5e10c3173b8a0",
    TriggerRunner.get_trigger_by_classpath: "2cd236e6929b6dc9",
    TriggerRunner.run: "aaec446adc42c326",
    TriggerRunner.cleanup_finished_triggers: "737e2fe7562f1fb0",
    TriggerRunner.process_trigger_events: "882cffd05d51a18a",
    TriggerRunner.sync_state_to_supervisor: "3db0a814ac763392",
    TriggerRunnerSupervisor.run: "79ebca293572b243",
    TriggerRunnerSupervisor.update_triggers: "371128f79988180c",
    TriggerRunnerSupervisor._create_workload: "18aad7e0ab4a4755",
    TriggerRunnerSupervisor._register_pipe_readers: "e54ff86203883db9",
    TriggerRunnerSupervisor._process_log_messages_from_subprocess: "ce88eb4bead3e724",
    TriggererJobRunner._execute: "d3524f99dbc38d12",
    TriggerRunnerSupervisor.run_in_process.__func__: "b8eeec13abc8a685",
    TriggerRunnerSupervisor.run_once: "066f003280ea071b",
    TriggerRunnerSupervisor._register_pipe_readers: "e54ff86203883db9",
    TriggerRunnerSupervisor._process_log_messages_from_subprocess: "ce88eb4bead3e724",
    TriggerRunnerSupervisor.handle_events: "85da5a1f35b8d4b1",
    TriggerRunnerSupervisor.handle_failed_triggers: "ec1aa82efca34d16",
    # scheduler: whose heartbeat is too old
    SchedulerJobRunner._find_task_instances_without_heartbeats: "588d90d695e5d243",
    # callbacks: how they are stored, taken, and run
    DatabaseCallbackSink.send: "4dcee7b61d59515b",
    DagProcessorCallback.get_callback_request: "d72f4e0bda9d3cae",
    DagFileProcessorManager._fetch_callbacks_from_db: "9446d5cc3314671e",
    DagFileProcessorManager._add_callback_to_queue: "a2eb7b17d418c9b4",
    DagFileProcessorManager._create_process: "3e5a216ac5f0808a",
    DagFileProcessorManager._collect_results: "4079d5d290e2e1b6",
    DagFileProcessorManager._start_new_processes: "7406d362e9a8a151",
    DagFileProcessorProcess.is_ready.fget: "b60887c54add36b0",  # type: ignore[attr-defined]
    processor._parse_file: "570c547a9671c30b",
    processor._parse_file_entrypoint: "c0b19c69f5fa64b1",
    processor._execute_callbacks: "781923883fa46074",
    # connection_timeouts: what is handed to every connection
    settings._get_connect_args: "fc7ec1c556d85efa",
}


@pytest.mark.parametrize("function", TAKEN_OVER, ids=lambda function: function.__qualname__)
def test_upstream_does_what_it_did_when_ours_was_written(function: Callable[..., Any]) -> None:
    assert digest(inspect.unwrap(function)) == TAKEN_OVER[function], f"{function.__qualname__}: compare ours with it"


def test_after_an_error_of_the_database_an_end_is_recorded_as_failed_by_a_commit_of_the_session() -> None:
    """What ``execution_api`` refuses; when there is no such commit any more, it refuses nothing."""
    handler = inspect.getsource(task_instances.ti_update_state)
    _, caught, after = handler.partition("Error updating Task Instance state. Setting the task to failed.")
    assert caught
    assert after.index("session.rollback()") < after.index("TaskInstanceState.FAILED") < after.index("session.commit()")
    assert exceptions.SQLAlchemyErrorHandler.status_code == 500


def test_the_clients_own_way_of_retrying_is_what_ours_stands_in_for() -> None:
    assert digest(inspect.unwrap(Client.request)) == "f9df8a3c52ad58d9"
    assert issubclass(Client, httpx.Client)
    assert (client.API_RETRIES, client.API_TIMEOUT) == (5, 5.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (AttemptMonitor, ActivitySubprocess, "handle_requests"),
        (AttemptMonitor, ActivitySubprocess, "kill"),
        (AttemptMonitor, ActivitySubprocess, "_service_subprocess"),
        (AttemptMonitor, ActivitySubprocess, "_send_heartbeat_if_needed"),
        (AttemptMonitor, ActivitySubprocess, "_handle_heartbeat_failures"),
        (AttemptMonitor, ActivitySubprocess, "_send_terminal_state_msg"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "run_once"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "handle_events"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "handle_failed_triggers"),
        (FleetSchedulerJobRunner, SchedulerJobRunner, "_find_task_instances_without_heartbeats"),
        (CallbackRunningManager, DagFileProcessorManager, "fetch_callbacks"),
        (CallbackRunningManager, DagFileProcessorManager, "prepare_callback_bundle"),
        (CallbackRunningManager, DagFileProcessorManager, "_create_process"),
        (CallbackRunningManager, DagFileProcessorManager, "_collect_results"),
    ],
)
def test_what_is_overridden_takes_what_it_took(ours: type, theirs: type, name: str) -> None:
    assert name in vars(ours)
    assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name))


def test_attributes_that_are_used_are_there() -> None:
    monitor = {attribute.name for attribute in attrs.fields(ActivitySubprocess)}
    assert {"failed_heartbeats", "_last_successful_heartbeat", "_last_heartbeat_attempt", "_exit_code"} <= monitor
    assert "_task_end_time_monotonic" in monitor
    manager = {attribute.name for attribute in attrs.fields(DagFileProcessorManager)}
    assert {"_callback_to_execute", "_processors", "_file_queue", "_dag_bundles", "max_callbacks_per_loop"} <= manager
    runner = {attribute.name for attribute in attrs.fields(TriggerRunnerSupervisor)}
    assert {"events", "failed_triggers", "running_triggers"} <= runner
    assert "_task_instance_heartbeat_timeout_secs" in inspect.getsource(SchedulerJobRunner.__init__)


def test_the_row_of_a_callback_has_room_for_a_claim() -> None:
    stored = inspect.getsource(DagProcessorCallback)
    assert "self.state = None" in stored  # that nobody has claimed it
    assert "self.output" not in stored
    assert DbCallbackRequest is DagProcessorCallback
    columns = Callback.__table__.columns
    assert isinstance(columns["output"].type, Text)
    assert columns["output"].nullable
    assert columns["state"].nullable
    assert DagProcessorCallback.__mapper_args__["polymorphic_identity"].value == "dag_processor"
