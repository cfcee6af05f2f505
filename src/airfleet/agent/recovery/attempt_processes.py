"""Attempts of this host as the database has them, and their processes as the machine has them. Pure, but for one look.

An attempt has two processes, each of which names it in its title: its *monitor* (``airflow supervisor: <id>``), which
alone can report how it ends, and the *attempt* itself (``airflow worker -- <id>``). The database knows the pid of the
second. A title may be cut off for want of room: the pid and the beginning of the id still identify it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from airfleet.system import procfs

MONITOR, ATTEMPT = "airflow supervisor: ", "airflow worker -- "

#: seconds by which the clocks may differ that told the start of a process and the start of its attempt
CLOCK_SECONDS = 2.0
#: an id that is cut off to fewer characters names nobody
_SHORTEST_ID = 13
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class AttemptRow:
    """An attempt that runs here, as the database has it."""

    ti_id: str
    pid: int | None
    #: cleared while it ran: it has a new id, which its processes do not know
    restarting: bool = False
    #: its last sign of life, seconds since the epoch
    beat: float = 0.0
    #: under which it was queued: another one when it runs again after a deferral
    celery_id: str = ""


@dataclass(frozen=True)
class AttemptProcesses:
    """Processes of attempts: id -> pid; pid -> its start, seconds since the epoch; monitors that are stopped."""

    monitors: dict[str, int]
    attempts: dict[str, int]
    started: dict[int, float]
    stopped: frozenset[int] = frozenset()


def lost(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> tuple[AttemptRow, ...]:
    """Return the attempts that have no process any more."""
    known = tuple(rows)
    old = _under_old_ids(known, processes)
    return tuple(row for row in known if not _has_process(row, processes, old))


def _has_process(row: AttemptRow, processes: AttemptProcesses, old: Collection[int]) -> bool:
    if row.restarting and row.pid in old:
        return True
    if not row.restarting and any(row.ti_id.startswith(name) for name in (*processes.monitors, *processes.attempts)):
        return True
    # A process that started after the attempt's last sign of life is another one with its number.
    began = processes.started.get(row.pid) if row.pid is not None else None
    return began is not None and began <= row.beat + CLOCK_SECONDS


def _under_old_ids(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> set[int]:
    """Return processes whose ids the database does not call running: those of cleared attempts are among them."""
    ids = [row.ti_id for row in rows if not row.restarting]
    return {pid for name, pid in processes.attempts.items() if not any(ti_id.startswith(name) for ti_id in ids)}


def unmonitored(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> dict[str, int]:
    """Return the attempts without a monitor: id -> pid."""
    ids = [row.ti_id for row in rows if not row.restarting]
    monitored = tuple(processes.monitors)
    return {
        name: pid
        for name, pid in processes.attempts.items()
        if any(ti_id.startswith(name) and not ti_id.startswith(monitored) for ti_id in ids)
    }


def stopped_monitors(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> set[int]:
    """Return the stopped monitors of attempts that run here."""
    return monitors_of([row.ti_id for row in rows], processes) & processes.stopped


def monitors_of(ids: Collection[str], processes: AttemptProcesses) -> set[int]:
    """Return the monitors of these attempts."""
    return {pid for name, pid in processes.monitors.items() if any(ti_id.startswith(name) for ti_id in ids)}


def look_at_processes(pids: Collection[int], proc: str | os.PathLike[str] = procfs.PROC) -> AttemptProcesses:
    """Find the processes of attempts on this machine, the stopped monitors among them, and when those of ``pids`` that
    are alive started."""
    monitors: dict[str, int] = {}
    attempts: dict[str, int] = {}
    started: dict[int, float] = {}
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for pid in procfs.pids(proc):
        title = procfs.arguments(pid, proc)
        for beginning, found in ((MONITOR, monitors), (ATTEMPT, attempts)):
            name = title.removeprefix(beginning)
            if name != title and len(name) >= _SHORTEST_ID:
                found[name] = pid
        if pid in pids and (stat := procfs.stat(pid, proc)) and not stat.has_ended:
            started[pid] = booted + stat.started / _TICKS_A_SECOND
    stopped = frozenset(pid for pid in monitors.values() if (stat := procfs.stat(pid, proc)) and stat.is_stopped)
    return AttemptProcesses(monitors, attempts, started, stopped)
