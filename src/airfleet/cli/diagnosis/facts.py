"""RunFacts about a run, gathered from the REST API, the agent and fleet.yaml; the verdict is made elsewhere."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.cli.output import airflow_messages, log_filter
from airfleet.cli.queries import api_queries, task_logs
from airfleet.cli.queries.api_queries import Json
from airfleet.cli.queries.run_release import RunRelease
from airfleet.cli.queries.task_logs import LogPlaces
from airfleet.client.api_client import Api, ApiError
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.default_settings import BUNDLE_NAME

#: Logs are fetched for so many failed tasks, dependencies asked for so many waiting ones.
MOST = 8
LOG_LINES = 12
_UNREAD = "(its log did not come in time: it is long, or the api-server is busy)"
_UNFINISHED = "(there is more of this log than could be read in time)"

#: finds the release with a digest; None when nobody knows
FindRelease = Callable[[str], RunRelease | None]

#: A task instance: task id and map index.
Key = tuple[str, int]


@dataclass(frozen=True)
class Log:
    """The end of a task's log: its last lines, and the exception as ``Type: message``."""

    lines: tuple[str, ...] = ()
    exception: str = ""
    #: where in the user's code, innermost last: ``steps.py:14 in load``
    frames: tuple[str, ...] = ()
    #: the file of the Dag, when the worker did not find the Dag in it
    missing_dag: str = ""


@dataclass(frozen=True)
class RunFacts:
    """Everything that a verdict on a run needs."""

    dag: Json
    now: dt.datetime
    run: Json | None = None
    import_error: str = ""
    instances: tuple[Json, ...] = ()
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    logs: Mapping[Key, Log] = field(default_factory=dict)
    #: what keeps a task instance from being scheduled, in Airflow's words: (name, reason)
    blocked: Mapping[Key, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    pools: Mapping[str, Json] = field(default_factory=dict)
    #: runs of this Dag that are running
    active_runs: int = 0
    #: tasks that are running, of all Dags
    running_tasks: int = 0
    #: the queues that workers of this fleet listen to; empty when unknown
    queues: tuple[str, ...] = ()
    #: tasks that the workers can run at the same time; None when unknown
    slots: int | None = None
    components: tuple[ComponentStatus, ...] = ()
    #: the folder of pipelines, as fleet.yaml names it
    folder: str = "pipelines"
    #: the release that the run names, while a task of it is queued; None for none, and when unknown
    release: RunRelease | None = None


def gather(
    api: Api,
    dag_id: str,
    run_id: str | None,
    snapshot: Snapshot,
    fleet: Fleet | None,
    slots: int | None,
    now: dt.datetime,
    places: LogPlaces,
    find_release: FindRelease = lambda digest: None,
) -> RunFacts:
    """Gather all facts about a run; without ``run_id`` about the latest one.

    ``slots`` are those of all workers, None when unknown; ``places`` are where logs can be read without the API;
    ``find_release`` is asked only where it matters.

    Raises:
        FleetError: no such Dag or run.
    """
    dag = api_queries.find(api, dag_id)
    import_error = api_queries.import_error(api, dag)
    run = api_queries.run(api, dag_id, run_id) if run_id else api_queries.latest_run(api, dag_id)
    common: dict[str, Any] = {
        "dag": dag,
        "now": now,
        "run": run,
        "import_error": import_error,
        "queues": fleet.queues if fleet is not None else (),
        "slots": slots,
        "components": snapshot.components,
        "folder": fleet.pipelines if fleet is not None else "pipelines",
    }
    if run is None:
        return RunFacts(**common)
    upstream = api_queries.upstream(api, dag_id)
    instances = tuple(api_queries.in_order(api_queries.task_instances(api, dag_id, run["dag_run_id"]), upstream))
    common |= {"upstream": upstream, "instances": instances, "logs": _logs(api, instances, places)}
    release = _release(dag, run, instances, find_release)
    return RunFacts(**common, **_why_not_running(api, dag_id, run, instances), release=release)


def key(instance: Json) -> Key:
    """Return the task instance's key."""
    return instance["task_id"], instance["map_index"]


def _why_not_running(api: Api, dag_id: str, run: Json, instances: Sequence[Json]) -> dict[str, Any]:
    """RunFacts that only matter while something has not run yet."""
    if run["state"] in api_queries.FINISHED:
        return {}
    waiting = [ti for ti in instances if ti["state"] in (None, "scheduled")]
    active = api.get("dags", dag_id, "dagRuns", state="running", limit=1)
    running = api.get("dags", "~", "dagRuns", "~", "taskInstances", state="running", limit=1)
    return {
        "blocked": {key(ti): _dependencies(api, ti) for ti in waiting[:MOST]},
        "pools": {pool["name"]: pool for pool in api.every("pools", "pools")},
        "active_runs": active["total_entries"] or 0,
        "running_tasks": running["total_entries"] or 0,
    }


def _release(dag: Json, run: Json, instances: Sequence[Json], find: FindRelease) -> RunRelease | None:
    """Look for the release of a run whose tasks wait for workers; bundles of others have versions, too."""
    digest = run.get("bundle_version")
    if not digest or dag.get("bundle_name") != BUNDLE_NAME or run["state"] in api_queries.FINISHED:
        return None
    return find(digest) if any(ti["state"] == "queued" for ti in instances) else None


def _dependencies(api: Api, instance: Json) -> tuple[tuple[str, str], ...]:
    path = _path(instance)
    if instance["map_index"] >= 0:
        path = (*path, instance["map_index"])
    try:
        found = api.get(*path, "dependencies")["dependencies"]
    except ApiError:
        return ()  # without them the verdict is less exact, not wrong
    return tuple((entry["name"], entry["reason"]) for entry in found)


def _logs(api: Api, instances: Sequence[Json], places: LogPlaces) -> dict[Key, Log]:
    """Return the ends of the logs of what failed, and of what is to be looked at again: a worker may lack its Dag."""
    failed = [ti for ti in instances if ti["state"] in ("failed", "up_for_retry")]
    again = [ti for ti in instances if ti["state"] == "up_for_reschedule"]
    deadline = time.monotonic() + task_logs.MOST_SECONDS
    return {key(ti): _log(api, ti, places, deadline) for ti in (*failed[:MOST], *again[:MOST])}


def _log(api: Api, instance: Json, places: LogPlaces, deadline: float) -> Log:
    found = places.end_of(instance, time.time())
    if found is None:
        try:
            found = task_logs.of_api(api, instance, max(0.2, deadline - time.monotonic()))
        except ApiError as refused:
            return Log(lines=(f"(its log cannot be read: {refused.detail})",))
        except FleetError:
            return Log(lines=(_UNREAD,))
    log = read_log(found.entries)
    return replace(log, lines=(*log.lines, _UNFINISHED)) if found.unfinished else log


def _path(instance: Json) -> tuple[str, ...]:
    return "dags", instance["dag_id"], "dagRuns", instance["dag_run_id"], "taskInstances", instance["task_id"]


def read_log(content: Sequence[Any]) -> Log:
    """Read the end of a log as the API gives it: structured messages, or plain lines."""
    lines: list[str] = []
    exception = ""
    frames: tuple[str, ...] = ()
    missing_dag = ""
    for entry in content:
        if isinstance(entry, str):
            lines += entry.splitlines()
            continue
        if "timestamp" in entry or not entry.get("event", "").endswith(".log"):
            lines += _line(entry)  # what has no time and names a file says where the log was read from
        if entry.get("error_detail"):
            exception, frames = _exception(entry["error_detail"])
        missing_dag = str(entry.get("path") or "?") if entry.get("event") == airflow_messages.NO_DAG else missing_dag
    return Log(tuple(log_filter.telling(lines, LOG_LINES)), exception, frames, missing_dag)


def _line(entry: Json) -> list[str]:
    at = str(entry.get("timestamp") or "")[11:19]
    level = str(entry.get("level") or "").upper()
    head = " ".join(part for part in (at, level if level not in ("", "INFO") else "") if part)
    said = str(entry.get("event", ""))
    if said == airflow_messages.EXITED and entry.get("exit_code") is not None:
        said += f" with code {entry['exit_code']}"
    return [f"{head} {line}".strip() for line in said.splitlines()]


def _exception(detail: Sequence[Json]) -> tuple[str, tuple[str, ...]]:
    # The outermost exception comes first; what was raised first, its cause, comes last.
    raised = detail[0]
    value = str(raised.get("exc_value") or "")
    frames = [frame for frame in raised.get("frames") or () if not log_filter.is_foreign(frame["filename"])]
    places = tuple(f"{frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in frames)
    return f"{raised.get('exc_type')}: {value}" if value else str(raised.get("exc_type")), places
