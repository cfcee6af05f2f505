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
from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from airflow.models.callback import Callback, DagProcessorCallback
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.sdk.api import client
from airflow.sdk.api.client import Client, DagRunOperations, TaskInstanceOperations
from airflow.sdk.execution_time import supervisor
from airflow.sdk.execution_time.supervisor import ActivitySubprocess, WatchedSubprocess
from sqlalchemy import Text

from airfleet.pipelines.discovery import PipelineFileProcessorManager
from airfleet.runtime.coordinator import Monitor
from airfleet.runtime.scheduler import FleetSchedulerJobRunner
from airfleet.runtime.triggerer import RestingTriggerRunner
from support.upstream import digest, parameters

#: repeated here in other words, or relied upon in every step
TAKEN_OVER: dict[Callable[..., Any], str] = {
    # api_client: which requests are tried again, and what a refusal is
    client._should_retry_api_request: "61b45d9a42121fe3",
    client.raise_on_4xx_5xx_with_note: "b5b88474da66b41c",
    Client._update_auth: "be1ae0e0aff0cbab",
    DagRunOperations.trigger: "887b97e63f1c298c",
    TaskInstanceOperations.heartbeat: "c562c9b985c340b4",
    task_instances.ti_heartbeat: "6a3188007c866c60",
    # execution_api: how an end is recorded that the database did not take, and what a handler's session is
    task_instances.ti_update_state: "bc0c26251aaaa878",
    _get_session: "4c675689487d9f65",
    dag_runs.get_dr_count: "1c94f961d1588f9d",
    # coordinator: requests are served after the sockets were read, and heartbeats may fail
    WatchedSubprocess.handle_requests: "9a1204d13c81beae",
    WatchedSubprocess.kill: "03efe6db1b0fb906",
    supervisor.length_prefixed_frame_reader: "e7bc4322f44055d5",
    ActivitySubprocess._handle_heartbeat_failures: "784d45045d692224",
    ActivitySubprocess._handle_process_overtime_if_needed: "f244f213e226c5d6",
    ActivitySubprocess._send_terminal_state_msg: "cfd7632322f68e5b",
    ActivitySubprocess._replay_pending_terminal_state_msg: "331d2fc0c4e84554",
    # triggerer: which steps a turn of its loop has, and what each takes out of its line first
    TriggerRunnerSupervisor.run_once: "51d9cd32217644f5",
    TriggerRunnerSupervisor.handle_events: "ddfa28a7787bc7da",
    TriggerRunnerSupervisor.handle_failed_triggers: "7e697ca39349bbaf",
    # scheduler: whose heartbeat is too old
    SchedulerJobRunner._find_task_instances_without_heartbeats: "0112faa0a12803f1",
    # callbacks: how they are stored, taken, and run
    DatabaseCallbackSink.send: "3cb6f6822130fe65",
    DagProcessorCallback.get_callback_request: "e3bbc9d18dd167ef",
    DagFileProcessorManager._fetch_callbacks_from_db: "0aa160587817dfb5",
    DagFileProcessorManager._add_callback_to_queue: "fe82b513a04b5b49",
    DagFileProcessorManager._create_process: "fe50f5c10858cc4f",
    DagFileProcessorManager._collect_results: "7726c2ffa0e19660",
    DagFileProcessorManager._start_new_processes: "aadc0c5d1d46d4e8",
    DagFileProcessorProcess.is_ready.fget: "9c301f03f89d852b",  # type: ignore[attr-defined]
    processor._parse_file: "c96aab68da7c133a",
    # libpq: what is handed to every connection
    settings._get_connect_args: "1af9d84eb5f28a93",
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
    assert digest(inspect.unwrap(Client.request)) == "bd6d3118ef7a7f11"
    assert issubclass(Client, httpx.Client)
    assert (client.API_RETRIES, client.API_TIMEOUT) == (5, 5.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (Monitor, ActivitySubprocess, "handle_requests"),
        (Monitor, ActivitySubprocess, "kill"),
        (Monitor, ActivitySubprocess, "_service_subprocess"),
        (Monitor, ActivitySubprocess, "_send_heartbeat_if_needed"),
        (Monitor, ActivitySubprocess, "_handle_heartbeat_failures"),
        (Monitor, ActivitySubprocess, "_send_terminal_state_msg"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "run_once"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "handle_events"),
        (RestingTriggerRunner, TriggerRunnerSupervisor, "handle_failed_triggers"),
        (FleetSchedulerJobRunner, SchedulerJobRunner, "_find_task_instances_without_heartbeats"),
        (PipelineFileProcessorManager, DagFileProcessorManager, "fetch_callbacks"),
        (PipelineFileProcessorManager, DagFileProcessorManager, "prepare_callback_bundle"),
        (PipelineFileProcessorManager, DagFileProcessorManager, "_create_process"),
        (PipelineFileProcessorManager, DagFileProcessorManager, "_collect_results"),
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
