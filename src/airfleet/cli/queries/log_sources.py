"""Where ``airfleet logs`` reads: the folder of a host whose home is here, or another host's log server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from airfleet.agent.control import HostStatus
from airfleet.client import agent_client, api_client, overrides
from airfleet.client.api_client import ApiError
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.components import log_server
from airfleet.fleet.servers import secrets
from airfleet.system import component_logs
from airfleet.system.log_tail import Tail, last_lines


class Followed(Protocol):
    """One log, from the moment on that it was opened."""

    def last(self, lines: int) -> list[str]:
        """Return the lines at its end."""

    def read(self) -> list[str]:
        """Return the lines written since the last time."""


class Logs(Protocol):
    """The logs of a host's components."""

    #: seconds between two looks for what is new
    pause_seconds: float

    @property
    def place(self) -> str:
        """Where they are, for people."""

    def names(self) -> list[str]:
        """List the components that have one."""

    def open(self, name: str, *, from_end: bool) -> Followed:
        """Open one of them; at its end, or so that everything in it is new."""


def of(here: Project, host: str | None) -> Logs:
    """Open the logs of a host, or of this one.

    Raises FleetError: the fleet has no such host, it does not run here or there, or secrets are missing.
    """
    if host is None:
        return Folder(here.paths.logs)
    if host in here.hosts:
        return Folder(here.on(host).paths.logs)
    snapshot = overrides.require(here, host)
    if host == snapshot.host or not snapshot.hosts:
        return Folder(here.paths.logs)
    kept = secrets.load(here.paths.secrets)
    if kept is None or not kept.component_logs_key:
        raise FleetError("the secrets of this fleet are not here: nobody gives its logs without them")
    return OtherHost(host, _server_of(snapshot.hosts, host), kept.component_logs_key)


def _server_of(hosts: tuple[HostStatus, ...], name: str) -> str:
    """Find where a host's log server listens. Raises FleetError when nobody does."""
    host = next(one for one in hosts if one.host == name)
    server = next((c.address for c in host.components if c.kind == log_server.KIND and c.pid is not None), "")
    if host.state.has_ended or not server:
        raise FleetError(
            f"host '{name}' is {agent_client.about(host)}, and has no log server that runs",
            hint=f"look there: airfleet logs, in the folder of host '{name}'",
        )
    return server


@dataclass
class Folder:
    """Files on this machine."""

    folder: Path
    pause_seconds: float = 0.25

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def names(self) -> list[str]:
        """See :class:`Logs`."""
        return [path.stem for path in sorted(self.folder.glob("*.log"))]

    def open(self, name: str, *, from_end: bool) -> Followed:
        """See :class:`Logs`."""
        return _File(self.folder / f"{name}.log", from_end)


class _File:
    def __init__(self, path: Path, from_end: bool) -> None:
        # Opened before the last lines are read: a line written in between is shown twice, not lost.
        self._tail = Tail(path, from_end=from_end)
        self._path = path

    def last(self, lines: int) -> list[str]:
        return last_lines(self._path, lines)

    def read(self) -> list[str]:
        return self._tail.read()


@dataclass
class OtherHost:
    """The log server of another host, asked again and again."""

    host: str
    #: ``address:port``
    server: str
    key: str = field(repr=False)
    pause_seconds: float = 1.0
    now: Callable[[], float] = time.time

    @property
    def place(self) -> str:
        """The host, and where its log server is."""
        return f"host '{self.host}' ({self.server})"

    def names(self) -> list[str]:
        """See :class:`Logs`."""
        return [str(name) for name in self.ask("")["names"]]

    def open(self, name: str, *, from_end: bool) -> Followed:
        """See :class:`Logs`."""
        return _Remote(self, name, None if from_end else 0)

    def ask(self, name: str, **query: int) -> Any:
        """Ask the log server. Raises FleetError."""
        path = f"{component_logs.QUESTION}{f'/{quote(name)}' if name else ''}?{urlencode(query)}"
        try:
            return api_client.send(
                f"http://{self.server}", "GET", path, None, component_logs.token(self.key, self.now())
            )
        except ApiError as refused:
            hint = "the clocks of the hosts, or their secrets, differ" if refused.status == 403 else None
            raise FleetError(f"{self.place} gives no logs: {refused.detail}", hint=hint) from refused
        except OSError as lost:
            raise FleetError(f"{self.place} does not answer: {lost}", hint="airfleet status") from lost


class _Remote:
    def __init__(self, there: OtherHost, name: str, after: int | None) -> None:
        self._there = there
        self._name = name
        self._after = after

    def last(self, lines: int) -> list[str]:
        if lines > component_logs.MOST_LINES:
            raise FleetError(f"{self._there.place} gives {component_logs.MOST_LINES} lines at the most")
        return self._ask(last=lines)

    def read(self) -> list[str]:
        return self._ask(**({"last": 0} if self._after is None else {"after": self._after}))

    def _ask(self, **query: int) -> list[str]:
        answer = self._there.ask(self._name, **query)
        self._after = int(answer["end"])
        return [str(line) for line in answer["lines"]]
