"""The end of a task's log, in bounded time and memory however long the log is.

A log on this machine is read from its end, and so is one on another host, by that host's log server. Any other (one in
an object store) comes from the API as a stream of JSON lines, of which the end is kept; the API reads it from its
beginning, so there is a limit of time. Asked for a whole log in one answer, an api-server would hold all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airfleet.cli.queries.api_queries import Json
from airfleet.client.api_client import Api
from airfleet.system import http_client
from airfleet.system.http_client import Timeouts

#: of a log's end, as much as is looked at
MOST_BYTES = 512 * 1024
#: for all logs that one command wants from the API
MOST_SECONDS = 3.0
_TOKEN_SECONDS = 30


@dataclass(frozen=True)
class End:
    """The last entries of a log: structured messages, or plain lines."""

    entries: tuple[Any, ...]
    #: whether the end of the log could not be reached in time
    unfinished: bool = False


@dataclass(frozen=True)
class LogPlaces:
    """Where the ends of logs can be read without the API."""

    #: the folders of task logs on this machine
    folders: tuple[Path, ...] = ()
    #: the log servers of other hosts (``address:port``), by the names of their hosts
    servers: Mapping[str, str] = field(default_factory=dict)
    #: opens the logs of tasks there
    key: str = field(default="", repr=False)

    def end_of(self, instance: Json, now: float) -> End | None:
        """Return the end of the log of this attempt; None when it is in no such place."""
        found = on_this_machine(self.folders, instance)
        server = self.servers.get(str(instance.get("hostname") or "").rpartition(".")[0])
        return of_server(server, self.key, instance, now) if found is None and server and self.key else found


def on_this_machine(folders: Iterable[Path], instance: Json) -> End | None:
    """Return the end of the log of this attempt in the latest of the ``folders`` of task logs that have it."""
    name = _name(instance)
    try:
        found = max((file for folder in folders if _has_text(file := folder / name)), key=_written, default=None)
        return End(tuple(entries(*_last_bytes(found)))) if found is not None else None
    except OSError:  # it is of another user, or was deleted
        return None


def of_server(server: str, key: str, instance: Json, now: float) -> End | None:
    """Ask the log server of the host that the attempt ran on; None when it gives none."""
    name = _name(instance).as_posix()
    headers = {"Authorization": _token(key, name, int(now)), "Range": f"bytes=-{MOST_BYTES}"}
    url, timeouts = f"http://{server}/log/{quote(name)}", Timeouts(MOST_SECONDS, MOST_SECONDS)
    try:
        answer = http_client.ask("GET", url, timeouts, headers=headers, most_bytes=MOST_BYTES)
    except OSError:
        return None
    data = answer.body if answer.status in (200, 206) else b""
    return End(tuple(entries(data, is_whole=len(data) < MOST_BYTES))) if data else None


def _token(key: str, name: str, now: int) -> str:
    """Sign a token that opens one log for a while, as api-servers do."""
    import jwt  # only here: a command that needs no other host needs none

    claims = {"filename": name, "aud": "task-instance-logs", "iat": now, "nbf": now, "exp": now + _TOKEN_SECONDS}
    return jwt.encode(claims, key, "HS512")


def _has_text(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def of_api(api: Api, instance: Json, seconds: float) -> End:
    """Ask the API. Raises ApiError, FleetError."""
    path = ("dags", instance["dag_id"], "dagRuns", instance["dag_run_id"], "taskInstances", instance["task_id"])
    number = instance.get("try_number") or 1
    data, is_whole, is_end = api.end_of(
        *path, "logs", number, map_index=instance["map_index"], seconds=seconds, most_bytes=MOST_BYTES
    )
    return End(tuple(entries(data, is_whole=is_whole)), unfinished=not is_end)


def _name(instance: Json) -> Path:
    """Say where Airflow writes it, below the folder of logs."""
    folder = Path(f"dag_id={instance['dag_id']}", f"run_id={instance['dag_run_id']}", f"task_id={instance['task_id']}")
    if instance["map_index"] >= 0:
        folder = folder / f"map_index={instance['map_index']}"
    return folder / f"attempt={instance.get('try_number') or 1}.log"


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _last_bytes(file: Path) -> tuple[bytes, bool]:
    """Read the end of a file, and tell whether that is all of it. Raises OSError."""
    with file.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - MOST_BYTES))
        return opened.read(MOST_BYTES), size <= MOST_BYTES


def entries(data: bytes, is_whole: bool) -> Iterator[Any]:
    """Read lines of JSON, and other lines as they are; the first is half a line unless this ``is_whole``."""
    lines: Sequence[bytes] = data.split(b"\n")
    for line in lines if is_whole or len(lines) == 1 else lines[1:]:
        if line.strip():
            yield _entry(line.decode("utf-8", errors="replace"))


def _entry(line: str) -> Any:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else line
