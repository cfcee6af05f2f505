"""Find and end every process that an ``up`` of this fleet started, orphans included.

A process belongs to the fleet when its environment carries the fleet's mark, when it lives in
the session of one that does (or that the agent wrote down), or when it descends from one of
these. The environment of a process can be unreadable and a task may clear it: hence three ways.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from airfleet.system import machine_id, procfs
from airfleet.system.procfs import Stat

#: every process of a fleet has ``AIRFLEET_FLEET=<id>`` in its first environment
MARK = "AIRFLEET_FLEET"


@dataclass(frozen=True)
class RecordedProcess:
    """The process of a component, as its agent wrote it down."""

    pid: int
    #: clock ticks since boot
    started: int
    kind: str

    @property
    def lives(self) -> bool:
        """Whether it runs now: it, and not another one with its number."""
        found = procfs.stat(self.pid)
        return found is not None and found.started == self.started and not found.has_ended


def find(
    fleet_id: str,
    written_down: Iterable[RecordedProcess] = (),
    exclude: Iterable[int] = (),
    below: int | None = None,
) -> tuple[int, ...]:
    """Pids of the fleet's processes, zombies and ``exclude`` left out.

    ``below`` is the agent while it lives: orphans that hide their origin are its children.
    """
    table, mark = procfs.table(), f"{MARK}={fleet_id}".encode()
    members = {pid for pid in table if mark in procfs.variables(pid)}
    members |= {kept.pid for kept in written_down if kept.pid in table and table[kept.pid].started == kept.started}
    left_out = {os.getpid(), *exclude}
    members -= left_out
    while True:
        sessions = {table[pid].session for pid in members if table[pid].session == pid}
        parents = members if below is None else {*members, below}
        more = {
            p.pid for p in table.values() if (p.parent in parents or p.session in sessions) and p.pid not in left_out
        }
        if more <= members:
            return tuple(sorted(pid for pid in members if not table[pid].has_ended))
        members |= more


def belongs(pid: int, table: Mapping[int, Stat], others: Collection[int]) -> bool:
    """Tell whether a process is one of ``others``, in the session of one, or below one, as PostgreSQL's are.

    ``table`` is of :func:`airfleet.system.procfs.table`.
    """
    while found := table.get(pid):
        if pid in others or found.session in others:
            return True
        pid = found.parent
    return False


def end(
    find_them: Callable[[], tuple[int, ...]],
    grace_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, ...]:
    """Ask the processes to end, then force them after the grace; returns the pids that were there."""
    asked: set[int] = set()
    deadline = clock() + grace_seconds
    while alive := find_them():
        by_force = clock() >= deadline
        for pid in alive:
            if by_force or pid not in asked:
                asked.add(pid)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if by_force else signal.SIGTERM)
        _wait_for_any(alive, 0.2)
    return tuple(sorted(asked))


def component(pid: int, kind: str) -> RecordedProcess | None:
    """Find a process that runs now; None when it is gone."""
    found = procfs.stat(pid)
    return RecordedProcess(pid, found.started, kind) if found else None


def write_down(path: Path, kinds: Mapping[int, str]) -> None:
    """Keep pids and what kind of component each is, for the day the agent cannot say any more. Raises OSError: then
    what was kept before is kept still, and a process that has ended is not taken for another one with its number."""
    kept = [astuple(found) for pid, kind in kinds.items() if (found := component(pid, kind))]
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({**_origin(path), "processes": kept}))
    os.replace(draft, path)


def read_down(path: Path) -> tuple[RecordedProcess, ...]:
    """Read the list of :func:`write_down`; empty without such a file, or with other content in it.

    Neither what was kept before the machine was started again, nor what a copied folder says of another fleet.
    """
    try:
        found = json.loads(path.read_text())
        if any(found[name] != value for name, value in _origin(path).items()):
            return ()
        return tuple(RecordedProcess(int(pid), int(at), str(kind)) for pid, at, kind in found["processes"])
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def _origin(path: Path) -> dict[str, str]:
    return {"machine": machine_id.boot_id(), "place": machine_id.place_of(path.parent)}


def _wait_for_any(pids: Iterable[int], seconds: float) -> None:
    watched = []
    try:
        for pid in pids:
            with contextlib.suppress(OSError):
                watched.append(os.pidfd_open(pid))
        if watched:
            select.select(watched, [], [], seconds)
    finally:
        for descriptor in watched:
            os.close(descriptor)
