"""Find and end every process that an ``up`` of this fleet started, whoever its parent is now.

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

from airfleet.system import machine_id

#: every process of a fleet has ``AIRFLEET_FLEET=<id>`` in its first environment
MARK = "AIRFLEET_FLEET"


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    #: clock ticks since boot; with the pid it names a process for good
    started: int
    state: str
    marked: bool


@dataclass(frozen=True)
class Component:
    """The process of a component, as its agent wrote it down."""

    pid: int
    #: clock ticks since boot
    started: int
    kind: str

    @property
    def lives(self) -> bool:
        """Whether it runs now: it, and not another one with its number."""
        process = _process(self.pid, b"")
        return process is not None and process.started == self.started and process.state != "Z"


def find(
    fleet_id: str,
    written_down: Iterable[Component] = (),
    exclude: Iterable[int] = (),
    below: int | None = None,
) -> tuple[int, ...]:
    """Pids of the fleet's processes, zombies and ``exclude`` left out.

    ``below`` is the agent while it lives: orphans that hide their origin are its children.
    """
    table = {process.pid: process for process in _table(f"{MARK}={fleet_id}".encode())}
    members = {p.pid for p in table.values() if p.marked}
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
            return tuple(sorted(pid for pid in members if table[pid].state != "Z"))
        members |= more


def families() -> dict[int, tuple[int, int]]:
    """Of every process, its parent and its session."""
    return {process.pid: (process.parent, process.session) for process in _table(b"")}


def belongs(pid: int, family: Mapping[int, tuple[int, int]], others: Collection[int]) -> bool:
    """Whether a process is one of ``others``, in the session of one, or below one (PostgreSQL's have own sessions).

    ``family`` is of :func:`families`.
    """
    while pid in family:
        parent, session = family[pid]
        if pid in others or session in others:
            return True
        pid = parent
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


def component(pid: int, kind: str) -> Component | None:
    """A process that runs now; None when it is gone."""
    process = _process(pid, b"")
    return Component(pid, process.started, kind) if process else None


def write_down(path: Path, kinds: Mapping[int, str]) -> None:
    """Keep pids and what kind of component each is, for the day the agent cannot say any more. Raises OSError: then
    what was kept before is kept still, and a process that has ended is not taken for another one with its number."""
    kept = [astuple(found) for pid, kind in kinds.items() if (found := component(pid, kind))]
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({**_origin(path), "processes": kept}))
    os.replace(draft, path)


def read_down(path: Path) -> tuple[Component, ...]:
    """What :func:`write_down` kept; nothing when there is no such file, or something else in it.

    Neither what was kept before the machine was started again, nor what a copied folder says of another fleet.
    """
    try:
        found = json.loads(path.read_text())
        if any(found[name] != value for name, value in _origin(path).items()):
            return ()
        return tuple(Component(int(pid), int(at), str(kind)) for pid, at, kind in found["processes"])
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def environment(pid: int) -> dict[str, str]:
    """The first environment of a process; nothing when it cannot be read."""
    try:
        lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(line).split("=", 1) for line in lines if b"=" in line)


def _origin(path: Path) -> dict[str, str]:
    return {"machine": machine_id.boot_id(), "place": machine_id.place_of(path.parent)}


def _table(mark: bytes) -> Iterable[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := _process(int(name), mark)):
            yield process


def _process(pid: int, mark: bytes) -> Process | None:
    try:
        # The command's name is in parentheses and may hold anything: parentheses, and half of a letter.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0], _is_marked(pid, mark))


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return bool(mark) and mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


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
