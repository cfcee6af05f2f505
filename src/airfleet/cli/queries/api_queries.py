"""Dags, runs and task instances as the REST API tells them."""

from __future__ import annotations

import datetime as dt
import graphlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from airfleet.cli.output.progress import Item
from airfleet.client.api_client import Api, ApiError
from airfleet.errors import FleetError, did_you_mean

Json = dict[str, Any]

FINISHED = frozenset({"success", "failed"})
DONE_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
MOODS = {
    "success": "good",
    "running": "busy",
    "restarting": "busy",
    "deferred": "busy",
    "up_for_retry": "bad",
    "failed": "bad",
    "upstream_failed": "bad",
}
LABELS = {
    "up_for_retry": "will be tried again",
    "up_for_reschedule": "looks again later",
    "upstream_failed": "not run",
    "awaiting_input": "waits for a person",
}
TRACE_LINES = 4


def find(api: Api, dag_id: str) -> Json:
    """Find the Dag's details.

    Raises:
        FleetError: there is none; says which name is near, or what keeps its file from being read.
    """
    try:
        dag: Json = api.get("dags", dag_id, "details")
    except ApiError as refused:
        if refused.status != 404:
            raise
        raise unknown(api, dag_id) from refused
    if dag.get("is_stale"):
        raise unknown(api, dag_id)
    return dag


def unknown(api: Api, dag_id: str) -> FleetError:
    """Describe a Dag that the fleet does not have."""
    broken = list(api.every("import_errors", "importErrors"))
    for error in broken:
        if _speaks_of(error, dag_id):
            sentence = f"no Dag named '{dag_id}': its file {error['filename']} has problems"
            return FleetError(f"{sentence}\n{short_trace(error['stack_trace'])}", hint="airfleet check")
    names = [dag["dag_id"] for dag in api.every("dags", "dags")]
    return FleetError(f"no Dag named '{dag_id}'", hint=did_you_mean(dag_id, names) or _otherwise(names, broken))


def _otherwise(names: Sequence[str], broken: Sequence[Json]) -> str:
    if broken:
        count = f"{len(broken)} {'file has' if len(broken) == 1 else 'files have'}"
        return f"{count} problems, it may be in one of them: airfleet check"
    if not names:
        return "the fleet has no Dag yet; a new file takes some seconds: airfleet check"
    shown = ", ".join(names[:8])
    return f"there are: {shown}{', …' if len(names) > 8 else ''}"


def _speaks_of(error: Json, dag_id: str) -> bool:
    stem = PurePath(error["filename"]).stem
    return stem == dag_id or re.search(rf"\b{re.escape(dag_id)}\b", error["stack_trace"]) is not None


def import_error(api: Api, dag: Json) -> str:
    """Return the import error of the Dag's file; empty when there is none."""
    if not dag.get("has_import_errors"):
        return ""
    own = dag.get("relative_fileloc") or dag.get("fileloc")
    for error in api.every("import_errors", "importErrors"):
        if error["filename"] in (own, dag.get("fileloc")):
            return f"{error['filename']} has problems\n{short_trace(error['stack_trace'])}"
    return f"{own} has problems"


def short_trace(trace: str) -> str:
    """Return an import error's text; of a Python traceback only the end."""
    lines = trace.strip().splitlines()
    return "\n".join(lines[-TRACE_LINES:] if lines and lines[0].startswith("Traceback") else lines)


def latest_run(api: Api, dag_id: str) -> Json | None:
    """Find the run that is last in time, or None."""
    runs = api.get("dags", dag_id, "dagRuns", order_by="-run_after", limit=1)["dag_runs"]
    return runs[0] if runs else None


def run(api: Api, dag_id: str, run_id: str) -> Json:
    """Find a run. Raises FleetError naming a near one when there is none."""
    try:
        found: Json = api.get("dags", dag_id, "dagRuns", run_id)
        return found
    except ApiError as refused:
        if refused.status != 404:
            raise
        runs = api.get("dags", dag_id, "dagRuns", order_by="-run_after", limit=100)["dag_runs"]
        names = [entry["dag_run_id"] for entry in runs]
        hint = did_you_mean(run_id, names) or (f"the latest is {names[0]}" if names else "it has no run yet")
        raise FleetError(f"Dag '{dag_id}' has no run '{run_id}'", hint=hint) from refused


def task_instances(api: Api, dag_id: str, run_id: str) -> list[Json]:
    """List every task instance of a run."""
    return list(api.every("task_instances", "dags", dag_id, "dagRuns", run_id, "taskInstances"))


def upstream(api: Api, dag_id: str) -> dict[str, tuple[str, ...]]:
    """Task -> the tasks it waits for, in an order in which they can run."""
    tasks = api.get("dags", dag_id, "tasks")["tasks"]
    needs: dict[str, list[str]] = {task["task_id"]: [] for task in tasks}
    for task in tasks:
        for down in task.get("downstream_task_ids") or ():
            needs.setdefault(down, []).append(task["task_id"])
    order = graphlib.TopologicalSorter(needs).static_order()
    return {task: tuple(needs[task]) for task in order}


def in_order(instances: Iterable[Json], order: Iterable[str]) -> list[Json]:
    """Task instances in the order in which the tasks can run."""
    place = {task: index for index, task in enumerate(order)}
    return sorted(instances, key=lambda ti: (place.get(ti["task_id"], len(place)), ti["task_id"], ti["map_index"]))


def name(instance: Json) -> str:
    """Return ``task`` or, when it is mapped, ``task[3]``."""
    return instance["task_id"] if instance["map_index"] < 0 else f"{instance['task_id']}[{instance['map_index']}]"


def item(instance: Json, now: dt.datetime) -> Item:
    """Return a task instance as a row of a progress list."""
    state: str | None = instance["state"]
    label = LABELS.get(state, state) if state else "waiting"
    mood = MOODS.get(state, "idle") if state else "idle"
    took = seconds(instance, now)
    attempt = _attempt(instance)
    return Item(
        name=name(instance),
        label=label,
        mood=mood,
        seconds=took,
        ticking=state == "running",
        note=attempt,
        sentence=_sentence(label, state, took, attempt),
    )


def _sentence(label: str, state: str | None, took: float | None, attempt: str) -> str:
    ran = state in DONE_STATES and state != "upstream_failed"
    after = f" after {took:.1f}s" if ran and took is not None else ""
    return f"{label}{after}" + (f" ({attempt})" if attempt else "")


def _attempt(instance: Json) -> str:
    number, most = instance.get("try_number") or 0, (instance.get("max_tries") or 0) + 1
    if number > 1 or instance["state"] == "up_for_retry":
        return f"attempt {number} of {max(most, number)}"
    return ""


def seconds(instance: Mapping[str, Any], now: dt.datetime) -> float | None:
    """Say how long a run or a task instance took, or has been running."""
    if instance.get("duration") is not None and instance.get("end_date"):
        return float(instance["duration"])
    start, end = moment(instance.get("start_date")), moment(instance.get("end_date"))
    if start is None or instance["state"] not in ("running", *DONE_STATES):
        return None
    return max(0.0, ((end or now) - start).total_seconds())


def moment(text: str | None) -> dt.datetime | None:
    """Read a time as the API writes it."""
    return dt.datetime.fromisoformat(text) if text else None
