"""Read by REST what a run left behind: states, attempts, values, rendered fields, logs, events."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from airfleet.client.api_client import ApiError
from semantics.installation import Installation
from semantics.normalising import Normaliser

_RUN = ("state", "run_type", "triggered_by", "conf", "note", "logical_date", "data_interval_start",
        "data_interval_end", "partition_key", "bundle_version")  # fmt: skip
_TASK = ("state", "try_number", "max_tries", "task_display_name", "unixname", "pool", "pool_slots", "queue",
         "priority_weight", "operator", "operator_name", "executor", "executor_config", "note",
         "rendered_map_index", "rendered_fields")  # fmt: skip
_ATTEMPT = ("state", "max_tries", "pool", "queue", "operator_name")
#: whether there is one is the fact
_PRESENT = ("start_date", "end_date", "duration", "queued_when", "scheduled_when", "hostname", "pid", "trigger")
#: which task wrote a line is said by the path of the fact
_BOUND = frozenset({"task_id", "dag_id", "run_id", "try_number", "map_index", "ti_id"})
_UNSAID = _BOUND | {"timestamp", "level", "logger", "event", "filename", "lineno", "loc", "error_detail"}
_MEASURED = ("_ms", "duration", "seconds", "pid")
_EVENT = ("asset_name", "uri", "name", "extra", "source_dag_id", "source_task_id", "source_map_index", "partition_key")
#: where a branch says which tasks it follows or skips
XCOM_SKIPMIXIN_KEY = "skipmixin_key"
#: of a log with more lines a sample is kept
MANY_LINES = 400


class Reader:
    """Reads runs of one installation."""

    def __init__(self, installation: Installation, normaliser: Normaliser) -> None:
        self._api = installation.api
        self._installation = installation
        self._normaliser = normaliser

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Everything about one run that is compared."""
        found = self._api.get("dags", dag_id, "dagRuns", run_id)
        tasks = list(self._api.every("task_instances", "dags", dag_id, "dagRuns", run_id, "taskInstances"))
        facts = {
            "run": {key: found.get(key) for key in _RUN} | {"versions": len(found.get("dag_versions") or ())},
            "tasks": {_label(task): self._task(task) for task in tasks},
            "xcoms": self._xcoms(dag_id, run_id),
            "consumed": self._consumed(dag_id, run_id),
            "produced": self._produced(dag_id, run_id),
            "audit": self._audit(dag_id, run_id),
        }
        return {key: self._plain(value, run_id) for key, value in facts.items() if value}

    def _plain(self, value: Any, run_id: str) -> Any:
        """Without what says nothing: the run's name among them, which is random for a run that Airflow named."""
        return _without_nothing(
            self._normaliser.value(value, lambda text: self._normaliser.text(text.replace(run_id, "<run>")))
        )

    def _task(self, task: dict[str, Any]) -> dict[str, Any]:
        attempts = self._at(task, "tries")["task_instances"]
        return {
            **_fields(task, _TASK),
            "tries": {str(attempt["try_number"]): self._attempt(task, attempt) for attempt in attempts},
        }

    def _attempt(self, task: dict[str, Any], attempt: dict[str, Any]) -> dict[str, Any]:
        return {**_fields(attempt, _ATTEMPT), "log": self._log(task, attempt["try_number"])}

    def _at(self, task: dict[str, Any], what: str) -> Any:
        mapped = () if task["map_index"] < 0 else (task["map_index"],)
        return self._api.get(
            "dags", task["dag_id"], "dagRuns", task["dag_run_id"], "taskInstances", task["task_id"], *mapped, what
        )

    def _log(self, task: dict[str, Any], attempt: int) -> dict[str, list[str]]:
        """Lines by logger: between streams Airflow keeps no order, within one it does."""
        streams: dict[str, list[str]] = defaultdict(list)
        for entry in self.log_entries(task, attempt):
            line = self._normaliser.line(self._line(entry).replace(task["dag_run_id"], "<run>"))
            streams[str(entry.get("logger", "-"))].append(line)
        return {logger: _sample([_short(line) for line in _once(lines)]) for logger, lines in streams.items()}

    def log_entries(self, task: dict[str, Any], attempt: int) -> list[Any]:
        """The entries of an attempt's log, as the API gives them; none when there is no log."""
        try:
            answer = self._api.get(
                "dags", task["dag_id"], "dagRuns", task["dag_run_id"], "taskInstances", task["task_id"],
                "logs", attempt, map_index=task["map_index"], full_content="true",
            )  # fmt: skip
        except ApiError as refused:
            if refused.status != 404:
                raise
            return []
        content = answer["content"]
        if isinstance(content, str):
            return [{"event": line} for line in content.splitlines()]
        entries = [entry if isinstance(entry, dict) else {"event": str(entry)} for entry in content]
        return _without_sources(entries)

    def _line(self, entry: dict[str, Any]) -> str:
        """An entry as text: its level, a star when it names its task, what it says and carries."""
        star = "*" if entry.keys() >= _BOUND else ""
        carried = {k: v for k, v in sorted(entry.items()) if k not in _UNSAID and not k.endswith(_MEASURED)}
        parts = [f"{entry.get('level', '-')}{star}", str(entry["event"])]
        parts += [str(carried)] if carried else []
        parts += [text for error in entry.get("error_detail") or () for text in _error(error)]
        return " ".join(parts)

    def _xcoms(self, dag_id: str, run_id: str) -> dict[str, Any]:
        where = ("dags", dag_id, "dagRuns", run_id, "taskInstances")
        values: dict[str, Any] = {}
        for entry in self._api.every("xcom_entries", *where, "~", "xcomEntries"):
            key = (*where, entry["task_id"], "xcomEntries", entry["key"])
            one = self._api.get(*key, map_index=entry["map_index"], stringify="false")
            value = _in_order(one["value"]) if entry["key"] == XCOM_SKIPMIXIN_KEY else one["value"]
            values[f"{_label(entry)}.{entry['key']}"] = _short(value)
        return values

    def _consumed(self, dag_id: str, run_id: str) -> list[Any]:
        events = self._api.get("dags", dag_id, "dagRuns", run_id, "upstreamAssetEvents")["asset_events"]
        return sorted(({key: event.get(key) for key in _EVENT} for event in events), key=str)

    def _produced(self, dag_id: str, run_id: str) -> list[Any]:
        events = self._api.every("asset_events", "assets", "events", source_dag_id=dag_id)
        mine = [event for event in events if event.get("source_run_id") == run_id]
        return sorted(({key: event.get(key) for key in _EVENT} for event in mine), key=str)

    def _audit(self, dag_id: str, run_id: str) -> list[str]:
        """What the audit log says happened, in no order."""
        entries = self._api.every("event_logs", "eventLogs", dag_id=dag_id, run_id=run_id)
        return sorted(
            f"{entry['event']} {_label(entry) if entry['task_id'] else '-'} try {entry['try_number']}"
            for entry in entries
        )


def _label(task: dict[str, Any]) -> str:
    index = task.get("map_index")
    return str(task["task_id"]) if index in (None, -1) else f"{task['task_id']}[{index}]"


def _fields(found: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: found.get(name) for name in names} | {"has": [name for name in _PRESENT if found.get(name)]}


def _without_nothing(value: Any) -> Any:
    """Without the keys whose value is None or empty: the same as having none."""
    if not isinstance(value, dict):
        return value
    plain = {key: _without_nothing(inner) for key, inner in value.items()}
    return {key: inner for key, inner in plain.items() if inner not in (None, [], {}, "")}


def _without_sources(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the first group, which names the files that the log was read from."""
    if entries and entries[0]["event"].startswith("::group::Log message source details"):
        ends = (at for at, entry in enumerate(entries) if entry["event"] == "::endgroup::")
        return entries[next(ends, -1) + 1 :]
    return entries


def _error(error: dict[str, Any]) -> Iterator[str]:
    yield f"\n  {'caused by ' if error.get('is_cause') else ''}{error['exc_type']}: {error['exc_value']}"
    places = (_place(frame) for frame in error.get("frames") or ())
    yield "".join(f"\n    {place}" for place in _once(places))
    for inner in error.get("exceptions") or ():
        for part in inner if isinstance(inner, list) else [inner]:
            yield from _error(part)


def _place(frame: dict[str, Any]) -> str:
    """Where in the user's code; which of its own functions Airflow, or airfleet, went through says nothing."""
    installed = any(part in frame["filename"] for part in ("/site-packages/", "/lib/python3", "/src/airfleet/"))
    return "(installed)" if installed else f"{frame['filename']} {frame['name']}"


def _in_order(value: Any) -> Any:
    """The tasks that a branch follows or skips: a list that was made of a set."""
    return {key: sorted(tasks) for key, tasks in value.items()} if isinstance(value, dict) else value


def _short(value: Any) -> Any:
    """A long text by its length, its beginning and its end."""
    if isinstance(value, str) and len(value) > 4000:
        return f"{len(value)} characters: {value[:40]}...{value[-40:]}"
    return value


def _sample(lines: list[str]) -> list[str]:
    """Many lines by their number, their digest, and some of them."""
    if len(lines) <= MANY_LINES:
        return lines
    digest = hashlib.sha256("\n".join(lines).encode(errors="backslashreplace")).hexdigest()[:16]
    return [*lines[:3], f"({len(lines)} lines, digest {digest})", *lines[-3:]]


def _once(lines: Iterable[str]) -> Iterator[str]:
    """Without repetitions of the line before: how often something polls is a matter of speed."""
    before = None
    for line in lines:
        if line != before:
            yield line
        before = line
