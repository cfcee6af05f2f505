"""One run of a Dag, watched task by task until it ends."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from airfleet.cli.output import progress, terminal
from airfleet.cli.queries import api_queries
from airfleet.cli.queries.api_queries import Json
from airfleet.client.api_client import Api
from airfleet.errors import WaitTimedOut

POLL_SECONDS = 0.5

COLUMNS = {"task": "task", "state": "state", "seconds": "seconds", "attempt": "attempt", "host": "host"}


def watch(api: Api, dag_id: str, run_id: str, timeout: float | None) -> tuple[Json, list[Json]]:
    """Show the run until it is over; the run and its task instances.

    Raises:
        WaitTimedOut: it was not over after ``timeout`` seconds.
    """
    began = time.monotonic()
    order = api_queries.upstream(api, dag_id)
    view = progress.view(live=terminal.is_live())
    try:
        while True:
            # The run first: when it is over, the instances read after it are final.
            run = api_queries.run(api, dag_id, run_id)
            instances = api_queries.in_order(api_queries.task_instances(api, dag_id, run_id), order)
            now = dt.datetime.now(dt.UTC)
            passed = time.monotonic() - began
            view.show([api_queries.item(instance, now) for instance in instances], passed)
            if run["state"] in api_queries.FINISHED:
                return run, instances
            if timeout is not None and passed > timeout:
                raise _too_late(dag_id, run_id, timeout, instances)
            time.sleep(POLL_SECONDS)
    finally:
        view.close()


def _too_late(dag_id: str, run_id: str, timeout: float, instances: list[Json]) -> WaitTimedOut:
    open_ones = [
        api_queries.name(instance) for instance in instances if instance["state"] not in api_queries.DONE_STATES
    ]
    names = ", ".join(open_ones[:5]) + (f" and {len(open_ones) - 5} more" if len(open_ones) > 5 else "")
    sentence = f"run {run_id} of '{dag_id}' was not over within {terminal.seconds(timeout)}; it goes on"
    return WaitTimedOut(f"{sentence}: {names or 'no task yet'}\nhint: airfleet why {dag_id} {run_id}")


def rows(instances: list[Json]) -> list[dict[str, Any]]:
    """Return the task instances as data."""
    now = dt.datetime.now(dt.UTC)
    return [
        {
            "task": api_queries.name(instance),
            "state": instance["state"] or "waiting",
            "seconds": api_queries.seconds(instance, now),
            "attempt": instance["try_number"],
            "host": instance["hostname"] or "",
        }
        for instance in instances
    ]


def sentence(run: Json, instances: list[Json]) -> str:
    """Say how the run ended, in a line."""
    took = api_queries.seconds(run, dt.datetime.now(dt.UTC))
    failed = sum(instance["state"] == "failed" for instance in instances)
    end = "succeeded" if run["state"] == "success" else "failed"
    after = f" after {terminal.seconds(took)}" if took is not None else ""
    line = f"run {run['dag_run_id']} of '{run['dag_id']}' {end}{after}"
    if end == "failed":
        line += f"; {failed} {'task' if failed == 1 else 'tasks'} failed"
    return line
