"""The dag-processor of a fleet: it finds changes at once, and rests otherwise. [A]

Its manager is Airflow's, changed by subject: :mod:`airfleet.dag_processor.file_changes`,
:mod:`airfleet.dag_processor.result_storing`, :mod:`airfleet.dag_processor.callback_running`,
:mod:`airfleet.dag_processor.batch_parsing` and :mod:`airfleet.dag_processor.rest`.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import httpx
from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner
from airflow.jobs.job import Job, run_job
from airflow.sdk.api.client import Client
from airflow.utils.process_utils import set_component_mp_start_method
from airflow.utils.providers_configuration_loader import providers_configuration_loaded

from airfleet.dag_processor.rest import RestingManager
from airfleet.system import clock_skew

#: between two removals of warnings of inactive Dags, seconds
_PURGE_SECONDS = 60.0


def _nothing(_: object) -> None:
    """Tell nobody."""


def run_dag_processor(
    started: Callable[[Job], None] = _nothing,
    sleep_after_seconds: float | None = None,
    notes: Any = None,
    rests: Callable[[RestingManager], object] = _nothing,
) -> None:
    """Run the dag-processor until it is told to stop, as ``airflow dag-processor`` does, or has nothing to do.

    In this process alone, a Dag may be stored again at once: files are parsed when they change, and with a pause
    between two stores the second of two quick edits would wait for the next full round. ``started`` is told of the job
    as soon as it is in the database. After ``sleep_after_seconds`` without work ``rests`` is called, which may end this
    process; ``notes`` are those of the process before.
    """
    os.environ["AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"] = "0"
    set_component_mp_start_method("dag_processor")
    _run(started, sleep_after_seconds, notes, rests)


@providers_configuration_loaded
def _run(
    started: Callable[[Job], None],
    sleep_after_seconds: float | None,
    notes: Any,
    rests: Callable[[RestingManager], object],
) -> None:
    manager = PipelineFileProcessorManager(max_runs=-1, sleep_after_seconds=sleep_after_seconds, notes=notes)
    runner = DagProcessorJobRunner(job=Job(), processor=manager)
    manager.job = runner.job
    send_heartbeat = manager.heartbeat

    def heartbeat() -> None:
        clock_skew.catch_up(runner.job, datetime.now(UTC))
        send_heartbeat()

    manager.heartbeat = heartbeat

    def execute() -> int | None:
        started(runner.job)
        code = runner._execute()
        if manager.watched is not None:
            rests(manager)
        return code

    run_job(job=runner.job, execute_callable=execute)


@attrs.define
class PipelineFileProcessorManager(RestingManager):
    """Airflow's manager of parsing processes, as a fleet runs it."""

    _warnings_purged: float = attrs.field(default=float("-inf"), init=False)

    @functools.cached_property
    def client(self) -> Client:
        """Airflow's client of an execution API in this process, built when a Dag file first asks for something.

        Airflow builds that API for the first file it parses: 20 MB and a second for nothing, when no file
        reads a Variable or a Connection while it is parsed.
        """
        transport = OnFirstUse(lambda: self._api_server.transport)
        client = Client(base_url=None, token="", dry_run=True, transport=transport)
        client.base_url = "http://in-process.invalid./"
        return client

    def purge_inactive_dag_warnings(self) -> None:
        """Purge once a minute; Airflow does it in every turn of the loop, which an idle fleet need not pay for."""
        if time.monotonic() - self._warnings_purged >= _PURGE_SECONDS:
            self._warnings_purged = time.monotonic()
            super().purge_inactive_dag_warnings()


class OnFirstUse(httpx.BaseTransport):
    """A transport of httpx that is made with the first request."""

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = functools.cache(make)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        return self._make().handle_request(request)
