"""Drift: changes of ``fleet.yaml`` and of installed libraries since the fleet was started.

The agent alone can tell: it has the environment and the overlay with which it read the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airfleet.agent.cluster import local_facts
from airfleet.agent.control import Edited, Unapplied
from airfleet.errors import AirfleetError
from airfleet.fleet import planner, preview
from airfleet.fleet.config.reader import ENVIRONMENT, FILE_NAME, files, read_file
from airfleet.fleet.planning import local_hosts, plan_diff, plan_record
from airfleet.fleet.planning import paths as fleet_paths
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan_diff import Change
from airfleet.fleet.planning.plan_record import Description
from airfleet.fleet.preview import Machine
from airfleet.fleet.servers.secrets import Secrets

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class PlanOrigin:
    """The sources of a plan, to make it again."""

    root: Path
    environ: Mapping[str, str]
    host: str
    paths: Paths
    secrets: Secrets
    has_nginx: bool
    memory_bytes: int | None = None

    def planned(self) -> Description:
        """Plan by the files as they are now. Raises FileProblems or FleetError."""
        fleet = local_hosts.of(read_file(self.root / FILE_NAME, self.environ), self.environ)
        plays = local_hosts.COUNT in self.environ
        if plays:
            first = fleet_paths.of(self.root, {**self.environ, fleet_paths.HOST: fleet.hosts[0].name})
            fleet = local_hosts.seen_from(self.host, fleet, first, self.secrets)
        machine = Machine(len(os.sched_getaffinity(0)), self.has_nginx, plays, self.memory_bytes)
        context = preview.as_an_agent(fleet, self.host, self.paths, self.secrets, machine)
        return plan_record.describe(planner.plan(context), self.secrets.fingerprint_key)


class LibraryDrift:
    """Compares the libraries in some folders with those that were there at first, whenever a folder has changed.

    A process keeps those that it has imported, and one that starts later gets the others.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._first = local_facts.libraries(folders)
        self._stamp = self._stamped()
        self._changed: tuple[str, ...] = ()

    def changed(self) -> tuple[str, ...]:
        """List the libraries that differ now, each with its versions."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            self._changed = tuple(differences(self._first, local_facts.libraries(self._folders)))
        return self._changed

    def _stamped(self) -> _Stamp:
        return tuple(map(local_facts.stamp, self._folders))


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield each library that has another version, has come or has gone.

    >>> list(differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2.1", "d": "4"}))
    ['b 2 → 2.1', 'c 3 is gone', 'd 4 is new']
    """
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield f"{name} {before[name]} is gone"
        elif name not in before:
            yield f"{name} {now[name]} is new"
        elif before[name] != now[name]:
            yield f"{name} {before[name]} → {now[name]}"


class ConfigDrift:
    """Compares the files with what runs, whenever one of them has changed."""

    def __init__(self, origin: PlanOrigin, running: Description, libraries: LibraryDrift) -> None:
        self._origin = origin
        self._libraries = libraries
        self._running = running
        self._stamp = self._stamped()
        self._found = Edited(overlay=origin.environ.get(ENVIRONMENT, ""))

    def now(self) -> Edited:
        """Return what differs now."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            self._found = self._compared(self._found.overlay)
        return replace(self._found, libraries=self._libraries.changed())

    def _compared(self, overlay: str) -> Edited:
        try:
            planned = self._origin.planned()
        except (AirfleetError, KeyError):  # it does not have this host any more, or is wrong
            return Edited(overlay, is_wrong=True)
        running = [component.name for component in self._running.components]
        found = plan_diff.compare(planned, self._running, running)
        return Edited(overlay, unapplied=tuple(_unapplied(change) for change in found if change.sign))

    def _stamped(self) -> _Stamp:
        return tuple(map(local_facts.stamp, files(self._origin.root / FILE_NAME, self._origin.environ)))


def _unapplied(change: Change) -> Unapplied:
    return Unapplied(change.component.name, change.sign, change.why)
