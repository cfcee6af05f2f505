"""Which api-servers there are for this host's tasks and its nginx, and how they learn of them while they run.

``fleet.yaml`` says which there are to be. What there is changes meanwhile: ``airfleet scale`` adds one or takes one
away, a host leaves or is gone. Each host's row in the database tells what it runs and where; so the agent compares,
and when the set is another one writes it down for tasks (:mod:`airfleet.runtime.execution_urls`). Where there is nginx,
it writes its configuration again, too, has nginx itself read it, and tells the running one (SIGHUP), which drops no
connection for it.

What fails: nginx does not take the new text - the old one is put back and stays in use, and the agent's log says so;
the file for tasks cannot be written - they ask those of ``fleet.yaml``, and the log says that.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from airfleet.agent.orders import API_SERVER
from airfleet.errors import FleetError
from airfleet.events import Event, Log
from airfleet.fleet.plan import Exec, Plan
from airfleet.fleet.secrets import write_private
from airfleet.fleet.site import Site
from airfleet.fleet.spec import LOOPBACK
from airfleet.render.nginx import FILE_NAME, configuration
from airfleet.runtime import execution_urls

TEST_SECONDS = 20.0
_EVERYWHERE = ("0.0.0.0", "[::]", "::")


class Told(Protocol):
    """A host as its row in the database tells of it."""

    @property
    def host(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def components(self) -> Sequence[Mapping[str, object]]: ...


class Upstreams:
    """What this host's tasks and its nginx were told of; what the plan has, at first."""

    def __init__(self, plan: Plan, airflow_home: Path, log: Log) -> None:
        self._plan = plan
        self._file = execution_urls.of(airflow_home)
        self._log = log
        #: none before the first look: an earlier life may have left another file
        self._found: tuple[str, ...] = ()
        #: what nginx's configuration was written with
        self._served = tuple(place for places in plan.api_servers.values() for place in places)

    def look(self, own: Iterable[str], rows: Iterable[Told]) -> None:
        """Tell tasks when there are other api-servers now. ``own`` are those of this host, ``rows`` all hosts."""
        before, self._found = self._found, servers(self._plan.api_servers, self._plan.host, own, rows)
        if set(self._found) != set(before):
            self._write_down()

    def tell_nginx(self, start: Exec, pid: int | None) -> None:
        """Tell it when there are others than it serves; ``start`` is how it is started, ``pid`` the one that runs."""
        site = self._plan.site
        if site is None or set(self._found) == set(self._served):
            return
        self._served = self._found  # whether it takes them or not: the same would be refused again
        try:
            tell(start, site, self._found, pid)
            self._log(Event.UPSTREAMS_CHANGED, servers=", ".join(self._found))
        except (FleetError, OSError, subprocess.SubprocessError) as refused:
            self._log(Event.UPSTREAMS_REFUSED, why=str(refused))

    def urls(self) -> tuple[str, ...]:
        """Every way to an execution API that there is now."""
        return urls(self._plan, self._found) if self._found else self._plan.execution_urls

    def _write_down(self) -> None:
        try:
            write_private(self._file, execution_urls.text(self.urls()))
        except OSError as refused:
            with suppress(OSError):  # what stands there may be of servers that are no more
                self._file.unlink(missing_ok=True)
            self._log(Event.API_SERVERS_UNTOLD, why=str(refused))


def urls(plan: Plan, found: Sequence[str]) -> tuple[str, ...]:
    """Every way to an execution API of these servers: over nginx first, where it has several to choose from.

    The path is that of the plan's own addresses.
    """
    path = urlsplit(plan.execution_urls[0]).path
    doors = [str(plan.site.local)] if plan.site and plan.site.local and len(found) > 1 else []
    return tuple(f"http://{place}{path}" for place in (*doors, *found))


def servers(
    planned: Mapping[str, Sequence[str]], here: str, own: Iterable[str], rows: Iterable[Told]
) -> tuple[str, ...]:
    """``host:port`` of every api-server there is, those of this host first.

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


def _of(row: Told, planned: Sequence[str]) -> Sequence[str]:
    if row.state != "up":
        return ()
    if not row.components:  # it has just come up, and has told nothing yet
        return planned
    places = (str(one.get("address", "")) for one in row.components if one.get("kind") == API_SERVER)
    return [_reachable(place, row.address) for place in places if place]


def _reachable(place: str, address: str) -> str:
    """Where a server is asked: at ``address`` when it listens on every one; as nginx writes it."""
    host, _, port = place.rpartition(":")
    host = address if host in _EVERYWHERE else host
    return f"{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"


def tell(start: Exec, site: Site, addresses: Sequence[str], pid: int | None) -> None:
    """Have nginx (``start`` is how it is started) serve these; one that does not run reads them when it does.

    Raises FleetError when nginx does not take them; then all is as it was.
    """
    file = Path(start.argv[start.argv.index("-p") + 1]) / FILE_NAME
    before = file.read_text()
    write_private(file, configuration(replace(site, api_servers=tuple(addresses))))
    done = subprocess.run([*start.argv, "-t", "-q"], capture_output=True, text=True, timeout=TEST_SECONDS, check=False)
    if done.returncode != 0:
        write_private(file, before)
        raise FleetError(f"nginx does not take its new configuration: {done.stderr.strip()[-300:]}")
    if pid is not None:
        with suppress(ProcessLookupError):  # it is started again, and reads the new one
            os.kill(pid, signal.SIGHUP)
