"""Logs of tasks on other hosts, read by the api-server. [A]

Airflow reads the folder of its own machine and asks one other host: the last one of the task, by its Airflow name.
Resolvers do not know the names of a fleet's hosts, and a log may have parts on several hosts: before and after a
deferral, the trigger's, one for each look of a sensor. So the api-server asks all log servers at once
(:mod:`airfleet.log_server.main`); their addresses stand in ``airfleet_host``.

::

    api-server ──which parts, for this token?──> log server of each other host
               <──names and lengths──
               ──the bytes of each──>

A part has the length that it had when it was asked for; later lines come with the next look. Airflow makes an object of
each line and holds all of them: a million lines take minutes and a gigabyte. So the middle of a long part is left out,
and the log says so.

Failures: the log's head names a host that does not answer, and shows the parts of the others. It also says when the
attempt's own host has no log server that is up: that part comes back with the host.
"""

from __future__ import annotations

import io
import json
import logging
import urllib.parse
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain, islice
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.utils.log import file_task_handler
from airflow.utils.log.file_task_handler import FileTaskHandler, StructuredLogMessage
from sqlalchemy import text

from airfleet.log_server.main import PARTS
from airfleet.system import host_name, http_client
from airfleet.system.http_client import OpenHttpAnswer, Timeouts

#: seconds that another host may take to take a connection, and to say the next thing
CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
#: lines of a part that are given from its beginning, and lines and characters from its end
FIRST_LINES, LAST_LINES, LAST_CHARACTERS = 5_000, 25_000, 8_000_000
#: seconds for which a token is good; clocks of hosts may differ by as much
TOKEN_SECONDS = 30

_SERVERS = text(
    "SELECT host, component->>'address' AS place FROM airfleet_host, jsonb_array_elements(components) AS component"
    " WHERE state = 'up' AND component->>'kind' = 'log-server' ORDER BY host"
)


@dataclass(frozen=True)
class Server:
    """The log server of a host; ``place`` is ``address:port``."""

    host: str
    place: str


@dataclass(frozen=True)
class HostLog:
    """The parts of a log on one host, line by line, and sentences for the log's head."""

    sources: Sequence[str] = ()
    streams: Sequence[Any] = ()


def use() -> None:
    """Have this process read the logs of all hosts, where Airflow's own reader would read those of one."""
    logger = logging.getLogger("airflow.task")
    for handler in [handler for handler in logger.handlers if type(handler) is FileTaskHandler]:
        ours = FleetTaskHandler(handler.local_base)
        ours.set_name(handler.get_name())
        ours.setFormatter(handler.formatter)
        ours.filters = handler.filters
        logger.removeHandler(handler)
        logger.addHandler(ours)


class FleetTaskHandler(FileTaskHandler):
    """Airflow's own reader of logs, which looks on the other hosts too."""

    def _read_from_local(self, worker_log_path: Path) -> tuple[list[str], list[Any]]:
        sources, streams = super()._read_from_local(worker_log_path)
        path = Path(worker_log_path).relative_to(self.local_base).as_posix()
        for found in ask_all(others(servers()), path):
            sources.extend(found.sources)
            streams.extend(found.streams)
        return sources, [bounded(stream) for stream in streams]

    def _read_remote_logs(self, ti: Any, try_number: int, metadata: Any = None) -> Any:
        """Read as Airflow does, and bound each part."""
        sources, logs = super()._read_remote_logs(ti, try_number, metadata)
        return sources, [part if isinstance(part, str) else bounded(part) for part in logs or ()]

    def _read_from_logs_server(self, ti: Any, worker_log_rel_path: str) -> tuple[list[str], list[Any]]:
        """Return nothing more: all hosts were asked already."""
        return [], []

    def _read(self, ti: Any, try_number: int, metadata: Any = None) -> Any:
        """Read all parts; begin with a sentence when the host of the attempt could not be asked."""
        stream: Any
        stream, told = super()._read(ti, try_number, metadata)
        missing = not_asked(ti.hostname or "")
        if missing and not (metadata and "log_pos" in metadata):
            word = f"Host '{missing}', on which this attempt ran, is not up; its log is shown when the host is back."
            stream = chain([StructuredLogMessage(event=word)], stream)
        return stream, told


def bounded(
    lines: Iterable[str], first: int = FIRST_LINES, last: int = LAST_LINES, characters: int = LAST_CHARACTERS
) -> Iterator[str]:
    """Yield the beginning and the end of a part, and a line in place of its middle.

    >>> list(bounded("abcdef", first=2, last=1))[2]
    '{"event": "... (3 lines were left out here; the file of the log has them)", "level": "warning"}'
    """
    source = iter(lines)
    yield from islice(source, first)
    end: deque[str] = deque()
    held = left_out = 0
    for line in source:
        end.append(line)
        held += len(line)
        while len(end) > last or (held > characters and len(end) > 1):
            held -= len(end.popleft())
            left_out += 1
    if left_out:
        told = f"... ({left_out:,} lines were left out here; the file of the log has them)"
        yield json.dumps({"event": told, "level": "warning"})
    yield from end


def not_asked(hostname: str) -> str | None:
    """Return the host of this Airflow name, if it is another one without a log server that is up."""
    host = host_of(hostname)
    if not are_apart() or not host or host == host_of(host_name.host()):
        return None
    return None if any(server.host == host for server in servers()) else host


def servers() -> tuple[Server, ...]:
    """Return the log servers of all hosts that are up; none where one folder has all logs."""
    if not are_apart():
        return ()
    from airflow.utils.session import create_session

    with create_session() as session:
        return tuple(Server(row.host, row.place) for row in session.execute(_SERVERS))


def are_apart() -> bool:
    """Tell whether each host has a folder of logs of its own."""
    return bool(conf.getboolean("airfleet", "serve_logs", fallback=False))


def others(known: Sequence[Server]) -> tuple[Server, ...]:
    """Leave out the log server of this host, whose folder is read as it is."""
    here = host_of(host_name.host())
    return tuple(server for server in known if server.host != here)


def host_of(hostname: str) -> str:
    """Return the host of an Airflow name, which ends with the agent's incarnation.

    >>> host_of("work-1.3fa80c12")
    'work-1'
    """
    return hostname.rpartition(".")[0]


def ask_all(known: Sequence[Server], path: str) -> list[HostLog]:
    """Return the parts of a log on each host."""
    if not known:
        return []
    with ThreadPoolExecutor(max_workers=min(len(known), 16), thread_name_prefix="logs") as threads:
        return list(threads.map(lambda server: ask(server, path), known))


def ask(server: Server, path: str) -> HostLog:
    """Return the parts of a log on one host. Never raises: a failure is a sentence."""
    try:
        with _get(server, PARTS, path) as answer:
            parts: list[tuple[str, int]] = json.loads(answer.read())
        opened = [(name, _get(server, "/log/", name, size)) for name, size in parts if size]
    except (OSError, ValueError) as error:
        return HostLog((f"The logs of host '{server.host}' ({server.place}) could not be read: {error}",))
    return HostLog(
        [f"{server.host}: {name}" for name, _ in opened],
        [file_task_handler._stream_lines_by_chunk(_lines(answer)) for _, answer in opened],
    )


def _get(server: Server, question: str, path: str, size: int = 0) -> OpenHttpAnswer:
    """Return an answer; of a file no more than its first ``size`` bytes. Raises OSError."""
    bounded = {"Range": f"bytes=0-{size - 1}"} if size else {}
    answer = http_client.begin(
        "GET",
        f"http://{server.place}{question}{urllib.parse.quote(path)}",
        Timeouts(CONNECT_SECONDS, READ_SECONDS),
        headers={"Authorization": token(path), "Accept-Encoding": "identity", **bounded},
    )
    if answer.status >= 400:
        answer.close()
        raise OSError(f"it answers {answer.status} {HTTPStatus(answer.status).phrase}")
    return answer


def _lines(answer: OpenHttpAnswer) -> io.TextIOWrapper:
    return io.TextIOWrapper(answer.stream, encoding="utf-8", errors="replace")


def token(path: str) -> str:
    """Return a token that opens one log for half a minute."""
    from airflow.api_fastapi.auth.tokens import JWTGenerator

    generator = JWTGenerator(
        secret_key=conf.get_mandatory_value("airfleet", "logs_key"),
        algorithm="HS512",
        private_key=None,  # type: ignore[arg-type]  # else Airflow loads the one that signs users' tokens
        issuer=None,
        valid_for=TOKEN_SECONDS,
        audience="task-instance-logs",
    )
    return generator.generate({"filename": path})
