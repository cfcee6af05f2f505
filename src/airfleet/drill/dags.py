"""Dags of any Airflow through its REST API: wait until it knows them, start runs, wait for their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airfleet.client.api_client import Api, ApiError
from airfleet.drill.waiting import wait_until

RUN_SECONDS = 120.0
#: from an edit of a file until the UI shows it
DISCOVERY_SECONDS = 60.0

_ENDED = ("success", "failed")


class ApiReader(Protocol):
    """A client of the REST API; raises ApiError when it is refused."""

    def get(self, *path: str, **query: Any) -> Any:
        """Send a GET below ``/api/v2``."""


def knows(api: ApiReader, dag_id: str) -> bool:
    """Tell whether Airflow knows a Dag."""
    try:
        api.get("dags", dag_id)
    except ApiError as refused:
        if refused.status != 404:
            raise
        return False
    return True


class RunsDags(Protocol):
    """An Airflow with a REST API."""

    _unpaused: set[str]

    @property
    def api(self) -> Api:
        """Give its REST API."""

    def wait_for_dag(self, dag_id: str, seconds: float = DISCOVERY_SECONDS) -> None:
        """Wait until Airflow knows a Dag."""
        wait_until(lambda: self.knows(dag_id), seconds, f"Dag '{dag_id}' is known", pause_seconds=0.2)

    def knows(self, dag_id: str) -> bool:
        """Tell whether Airflow knows a Dag."""
        return knows(self.api, dag_id)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Unpause the Dag, start a run, and give its id."""
        if dag_id not in self._unpaused:
            self.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")
            self._unpaused.add(dag_id)
        run = self.api.post("dags", dag_id, "dagRuns", body={"logical_date": None, "conf": dict(conf or {})})
        return str(run["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = RUN_SECONDS) -> str:
        """Wait for the final state of a run: ``success`` or ``failed``."""

        def ended() -> str:
            state = str(self.api.get("dags", dag_id, "dagRuns", run_id)["state"])
            return state if state in _ENDED else ""

        return wait_until(ended, seconds, f"run {run_id} of '{dag_id}' has ended", pause_seconds=0.3)
