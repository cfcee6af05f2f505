"""The coordinator of every queue of a fleet: it has each attempt monitored, over one connection for each slot. [A]

Airflow asks a coordinator to execute each task that a worker takes (``[sdk] coordinators``). This one starts a monitor
(:mod:`airfleet.worker.attempt_monitor`) with the HTTP connection of the slot, which serves all its attempts.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import httpx
from airflow.sdk.api.client import Client
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.coordinator import BaseCoordinator

from airfleet.spool import api_endpoints
from airfleet.system import disk_full_logging
from airfleet.worker import pool_client
from airfleet.worker.api_client import FleetClient
from airfleet.worker.attempt_monitor import AttemptMonitor, patience_seconds


class EndedWithoutReport(Exception):
    """An attempt's process has ended, and the API was told no state for it."""


class TaskCoordinator(BaseCoordinator):
    """The coordinator of every queue of a fleet."""

    def execute_task(
        self,
        *,
        what: Any,
        dag_rel_path: str | os.PathLike[str],
        bundle_info: Any,
        client: Client,
        logger: Any = None,
        sentry_integration: str = "",
        subprocess_logs_to_stdout: bool,
        **kwargs: Any,
    ) -> BaseCoordinator.ExecutionResult:
        """Run one attempt to its end."""
        start = AttemptMonitor.start_in_pool if pool_client.has_pool() else AttemptMonitor.start
        kept = client if isinstance(client, FleetClient) else client_for(str(client.base_url), client.auth)
        try:
            process = start(
                what=what,
                dag_rel_path=dag_rel_path,
                bundle_info=bundle_info,
                client=kept,
                logger=disk_full_logging.bearing(logger),
                sentry_integration=sentry_integration,
                subprocess_logs_to_stdout=subprocess_logs_to_stdout,
            )
            exit_code = process.wait()
        finally:
            kept.pause = time.sleep  # the monitor of this attempt is done
        if not process.has_reported():
            # Celery stores this as a failure, and the scheduler decides what becomes of the attempt.
            raise EndedWithoutReport(f"attempt {what.id} ended with exit code {int(exit_code)} and reported no state")
        return self.ExecutionResult(exit_code, process.final_state)


def client_for(server: str, auth: httpx.Auth | None) -> FleetClient:
    """Return the client of this slot, with one connection for all its attempts and the token of the present one."""
    client = _client(server)
    client.auth = auth or (lambda request: request)
    client.look_again()
    return client


@lru_cache(maxsize=1)
def _client(server: str) -> FleetClient:
    known = partial(addresses, server, api_endpoints.file_here(os.environ))
    return FleetClient(known(), known=known, patience_seconds=patience_seconds())


def addresses(given: str, file: Path | None = None) -> tuple[str, ...]:
    """Return every execution API, the preferred one first: from the file of the agent, or else from the settings.

    A given address that the settings do not name is the only one: its caller wants no other to be asked.
    """
    words = (conf.get("airfleet", "execution_api_urls", fallback="") or "").split(",")
    named = tuple(dict.fromkeys(word.strip().rstrip("/") + "/" for word in words if word.strip()))
    return (api_endpoints.read(file) or named) if given.rstrip("/") + "/" in named else (given,)
