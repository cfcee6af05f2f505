"""Discovery of api-servers: this host's tasks and its nginx learn of new ones while they run.

``fleet.yaml`` says which there are to be; ``airfleet scale`` adds one or takes one away, a host leaves or is gone.
Each host's row in the database tells what it runs and where. The agent compares, and writes a new set down for tasks
(:mod:`airfleet.spool.api_endpoints`).

Where there is nginx, the agent writes a configuration beside the one in use and has another nginx read it. That one is
a child for which the loop does not wait: names that nobody resolves take their time. A good configuration replaces the
other, and the running nginx is told (SIGHUP), which drops no connection for it.

Failures:

- nginx refuses the new text, does not answer, or cannot be asked (a full disk): the old one stays in use, the log says
  so once, and the next try comes later each time.
- The file for tasks cannot be written: tasks ask the servers of ``fleet.yaml``, and the log says that.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from airfleet.agent.states import HostState
from airfleet.agent.supervisor.overrides import API_SERVER
from airfleet.backoff import Backoff
from airfleet.errors import FleetError
from airfleet.events import Event, Log
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning.plan import Exec, Plan
from airfleet.fleet.servers.nginx_site import Site
from airfleet.fleet.servers.secrets import write_private
from airfleet.render.nginx import FILE_NAME, configuration
from airfleet.spool import api_endpoints

#: seconds that nginx may take to read its configuration
TEST_SECONDS = 20.0
#: from one that it did not take to the next time
REFUSED_BACKOFF = Backoff(first=30.0, most=480.0)
CANDIDATE = f"{FILE_NAME}.new"
_EVERYWHERE = ("0.0.0.0", "[::]", "::")


class PeerHost(Protocol):
    """A host as its row in the database tells of it."""

    @property
    def host(self) -> str: ...
    @property
    def state(self) -> HostState: ...
    @property
    def address(self) -> str: ...
    @property
    def components(self) -> Sequence[Mapping[str, object]]: ...


class ApiDiscovery:
    """The api-servers that this host's tasks and its nginx know; at first those of the plan."""

    def __init__(self, plan: Plan, airflow_home: Path, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._clock = clock
        self._file = api_endpoints.file_of(airflow_home)
        self._log = log
        #: none before the first look: an earlier agent may have left another file
        self._found: tuple[str, ...] = ()
        #: what nginx's configuration was written with
        self._served = tuple(place for places in plan.api_servers.values() for place in places)
        #: an nginx that reads the next one
        self._trial: NginxTrial | None = None
        self._not_before = -math.inf
        #: how often in a row it did not take one
        self._refusals = 0
        #: what the log said of why it was not told
        self._said = ""

    def look(self, own: Iterable[str], rows: Iterable[PeerHost]) -> None:
        """Tell tasks when there are other api-servers now. ``own`` are those of this host, ``rows`` all hosts."""
        before, self._found = self._found, servers(self._plan.api_servers, self._plan.host, own, rows)
        if set(self._found) != set(before):
            self._write_down()
            self._not_before, self._refusals, self._said = -math.inf, 0, ""

    def tell_nginx(self, start: Exec, pid: int | None) -> None:
        """Tell nginx when there are others than it serves; ``start`` is how it is started, ``pid`` the one that runs.

        Returns at once; whoever reaps children says to :meth:`ended` which of them did, and this is asked again.
        """
        if self._trial is not None:
            self._go_on(self._trial, pid)
        elif self._plan.site is not None and set(self._found) != set(self._served):
            self._try(start, self._plan.site)

    def ended(self, pid: int, status: int) -> bool:
        """Note that a child has ended with this wait status; tell whether it was nginx reading a configuration."""
        if self._trial is None or self._trial.pid != pid:
            return False
        self._trial.status = status
        return True

    def _try(self, start: Exec, site: Site) -> None:
        if self._clock() < self._not_before:
            return
        try:
            self._trial = begin(start, site, self._found, self._clock())
        except (FleetError, OSError) as refused:
            self._refused(str(refused))

    def _go_on(self, trial: NginxTrial, pid: int | None) -> None:
        if trial.status is None:
            if self._clock() - trial.since > TEST_SECONDS:
                signal_process(trial.pid, signal.SIGKILL)
            return
        self._trial = None
        try:
            why = trial.take()
        except OSError as refused:
            why = str(refused)
        if why:
            self._refused(why)
            return
        self._served = trial.servers
        self._log(Event.UPSTREAMS_CHANGED, servers=", ".join(trial.servers))
        if pid is not None:
            signal_process(pid, signal.SIGHUP)  # one that has gone is started again, and reads the new one

    def _refused(self, why: str) -> None:
        if why != self._said:
            self._log(Event.UPSTREAMS_REFUSED, why=why)
            self._said = why
        self._refusals += 1
        self._not_before = self._clock() + REFUSED_BACKOFF.delay(self._refusals)

    def urls(self) -> tuple[str, ...]:
        """Return every URL of an execution API that there is now."""
        return urls(self._plan, self._found) if self._found else self._plan.execution_urls

    def _write_down(self) -> None:
        try:
            write_private(self._file, api_endpoints.as_lines(self.urls()))
        except OSError as refused:
            with suppress(OSError):  # what stands there may be of servers that are no more
                self._file.unlink(missing_ok=True)
            self._log(Event.API_SERVERS_UNTOLD, why=str(refused))


def urls(plan: Plan, found: Sequence[str]) -> tuple[str, ...]:
    """Return the URLs of the execution API of these servers: over nginx first, where it has several to choose from.

    The path is that of the plan's own addresses.
    """
    path = urlsplit(plan.execution_urls[0]).path
    doors = [str(plan.site.local)] if plan.site and plan.site.local and len(found) > 1 else []
    return tuple(f"http://{place}{path}" for place in (*doors, *found))


def servers(
    planned: Mapping[str, Sequence[str]], here: str, own: Iterable[str], rows: Iterable[PeerHost]
) -> tuple[str, ...]:
    """Return ``host:port`` of every api-server there is, those of this host first.

    ``planned`` is host -> what ``fleet.yaml`` has there, ``own`` what this host runs now. A host that nobody has heard
    of yet has what was planned; when there would be none at all, all that are planned are asked.
    """
    known = {row.host: row for row in rows if row.host != here}
    found = [_reachable(address, LOOPBACK) for address in own]
    for host, addresses in planned.items():
        row = known.pop(host, None)
        if host != here:
            found += addresses if row is None else _of(row, addresses)
    return tuple(dict.fromkeys(found)) or tuple(one for addresses in planned.values() for one in addresses)


def _of(row: PeerHost, planned: Sequence[str]) -> Sequence[str]:
    if row.state is not HostState.UP:
        return ()
    if not row.components:  # it has just come up, and has told nothing yet
        return planned
    places = (str(one.get("address", "")) for one in row.components if one.get("kind") == API_SERVER)
    return [_reachable(place, row.address) for place in places if place]


def _reachable(place: str, address: str) -> str:
    """Return a server's address as nginx writes it: ``address`` for one that listens on every one."""
    host, _, port = place.rpartition(":")
    host = address if host in _EVERYWHERE else host
    return f"{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"


@dataclass
class NginxTrial:
    """An nginx that reads the configuration for ``servers``, which lies beside the one in use."""

    servers: tuple[str, ...]
    folder: Path
    pid: int
    #: what it says
    said: IO[bytes]
    since: float
    #: its wait status, when it has ended
    status: int | None = None

    def take(self) -> str:
        """Use the configuration, if nginx found it good; else return why not. Raises OSError."""
        with self.said:
            said = self.said.read().decode(errors="replace").strip()[-300:]
        if self.status == 0:
            os.replace(self.folder / CANDIDATE, self.folder / FILE_NAME)
            return ""
        (self.folder / CANDIDATE).unlink(missing_ok=True)
        if self.status is not None and os.WIFSIGNALED(self.status):
            return "nginx did not get to say whether it takes its new configuration"
        return f"nginx does not take its new configuration: {said}"


def begin(start: Exec, site: Site, servers: tuple[str, ...], now: float) -> NginxTrial:
    """Have an nginx read what it would serve these with; ``start`` is how it is started. Raises OSError, FleetError."""
    folder = Path(start.argv[start.argv.index("-p") + 1])
    write_private(folder / CANDIDATE, configuration(replace(site, api_servers=servers)))
    argv = [CANDIDATE if word == FILE_NAME else word for word in start.argv]
    child = subprocess.Popen(
        [*argv, "-t", "-q"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    child.returncode = 0  # the agent reaps it; keep Popen from doing so
    assert child.stderr is not None
    return NginxTrial(servers, folder, child.pid, child.stderr, now)


def signal_process(pid: int, number: int) -> None:
    """Signal one process; one that is gone is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
