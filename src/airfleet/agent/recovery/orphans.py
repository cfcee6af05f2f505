"""Which attempts of this host are lost: the database calls them running, and no process of them is left.

An attempt has two processes, each of which names it in its title: its *monitor* (``airflow supervisor: <id>``), which
alone can report how it ends, and the *attempt* itself (``airflow worker -- <id>``). The database knows the pid of the
second. Nobody's word is needed for a loss: whatever killed the processes, their absence is seen.

Order matters: first the database is asked, then processes are looked at. An attempt that the database called running
had its monitor by then, so an id that no process names afterwards has ended meanwhile or is lost; which of the two, the
statement that reports it sees for itself.

What is left without a monitor (the worker's pool usually ends it within seconds) can report nothing any more: it is
asked to end, then forced to, and only then reported. So a lost attempt is never running anywhere. A monitor that stands
still (SIGSTOP) reports nothing either, and is ended before Airflow, which waits five minutes for a sign of life, would
call its attempt failed at the cost of a retry. So is one that is silent for another reason (its disk does not answer,
its control group is frozen) while another attempt of this host is heard: of a host that nobody took over, Airflow
calls no attempt failed for being silent, and it would hang for ever.

What fails: the database is away - the next look sees the same, and nobody was silent meanwhile; a title was cut off for
want of room - the pid and the beginning of the id are what it is known by; a monitor cannot be ended (its disk does not
answer) - its attempt stays its own for as long as that takes.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, LiteralString

from airfleet.agent.probes.database_connection import Queries
from airfleet.metadata.lost_attempts import KEPT_DAYS, REPORT, RUNNING_HERE, WORKER_GONE
from airfleet.system import procfs

MONITOR, ATTEMPT = "airflow supervisor: ", "airflow worker -- "

#: seconds that an attempt may live without its monitor before it is asked to end, and from then until it is forced to
ALONE_SECONDS, GRACE_SECONDS = 10.0, 5.0
#: seconds that a monitor may stand still before it is ended by force
STILL_SECONDS = 120.0
#: Seconds for which the heartbeat of an attempt may stay the same while that of another one here is never older than
#: the second, if the fleet says nothing else of the first. When all are silent the API may be away, and each ends by
#: itself in time; after the third, when a token is good no more, a monitor has nothing left to wait for.
SILENT_SECONDS, HEARD_SECONDS, VOID_SECONDS = 240.0, 30.0, 20_000.0
#: seconds between two looks after which it is not known who was silent meanwhile
BLIND_SECONDS = 30.0
#: Seconds that a cleared attempt may be without a process. Its end is told as that of the attempt it was, and until a
#: scheduler has heard of it, it looks like a loss.
CLEARED_SECONDS = 5.0
#: Of the time a process started, and the time the database was told that it did: seconds that clocks may differ.
CLOCK_SECONDS = 2.0
#: an id that is cut off to less names nobody
_SHORTEST_ID = 13
#: seconds between two times that old losses are forgotten, by whoever has a new one to tell; and how many at a time
FORGET_SECONDS = 60.0
FORGET: LiteralString = """
WITH forgotten AS (
    DELETE FROM airfleet_lost WHERE number IN (
        -- no row that waits for a scheduler: one that is locked is passed over
        SELECT number FROM airfleet_lost WHERE handled_at < now() - make_interval(days => %(days)s)
        ORDER BY number LIMIT 1000 FOR UPDATE SKIP LOCKED
    ) RETURNING number
) SELECT count(*)::int FROM forgotten
"""


@dataclass(frozen=True)
class AttemptRow:
    """An attempt that is running here, as the database has it."""

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
    """Processes of attempts: id -> pid; pid -> when it started, seconds since the epoch; monitors that stand still."""

    monitors: dict[str, int]
    attempts: dict[str, int]
    started: dict[int, float]
    stopped: frozenset[int] = frozenset()


def lost(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> tuple[AttemptRow, ...]:
    """The attempts that have no process any more."""
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
    """The processes of attempts whose ids the database does not call running: those of cleared ones are among them."""
    ids = [row.ti_id for row in rows if not row.restarting]
    return {pid for name, pid in processes.attempts.items() if not any(ti_id.startswith(name) for ti_id in ids)}


def alone(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> dict[str, int]:
    """Attempts without a monitor: id -> pid."""
    ids = [row.ti_id for row in rows if not row.restarting]
    monitored = tuple(processes.monitors)
    return {
        name: pid
        for name, pid in processes.attempts.items()
        if any(ti_id.startswith(name) and not ti_id.startswith(monitored) for ti_id in ids)
    }


def still(rows: Iterable[AttemptRow], processes: AttemptProcesses) -> set[int]:
    """Monitors of attempts that run here which stand still."""
    return monitors_of([row.ti_id for row in rows], processes) & processes.stopped


def monitors_of(ids: Collection[str], processes: AttemptProcesses) -> set[int]:
    """The monitors of these attempts."""
    return {pid for name, pid in processes.monitors.items() if any(ti_id.startswith(name) for ti_id in ids)}


@dataclass
class OrphanDetector:
    """Looks for lost attempts of the host that Airflow knows as ``hostname``."""

    database: Queries
    hostname: str
    clock: Callable[[], float] = time.monotonic
    silent_seconds: float = SILENT_SECONDS
    #: brings what workers left to tell into the database; raises psycopg.Error or OSError
    carry: Callable[[], object] = lambda: None
    #: tells how attempts ended (the first) of all that run here (the second); the ones that nobody heard
    untold: Callable[[Collection[str], Collection[str]], Collection[str]] = lambda gone, running: ()
    #: processes that the last look found and whose death is news: monitors, and attempts that have none
    watched: frozenset[int] = frozenset()
    #: attempts without a monitor -> since when that is known
    _alone: dict[str, float] = field(default_factory=dict)
    #: monitors that stand still -> since when that is known
    _still: dict[int, float] = field(default_factory=dict)
    #: cleared attempts without a process -> since when that is known
    _ended: dict[str, float] = field(default_factory=dict)
    #: attempts -> their last heartbeat, whatever clock told its time, and since when it is the last one, by this clock
    _beats: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: since when there is always one here that is heard, by this clock; never while there is none
    _heard: float = math.inf
    _looked: float = -math.inf
    _forgot: float = -math.inf

    def look(self) -> tuple[int, int]:
        """One look: how many attempts run here, and how many lost ones were reported. Raises psycopg.Error."""
        rows = [
            AttemptRow(ti_id, pid, restarting, beat or 0.0, celery)
            for ti_id, pid, restarting, beat, celery in self._running()
        ]
        silent = self._silent(rows)
        if not rows:
            self._alone.clear()
            self._still.clear()
            self.untold((), ())
            return 0, 0
        processes = look_at_processes({row.pid for row in rows if row.pid is not None})
        lonely = alone(rows, processes)
        self.watched = frozenset((*processes.monitors.values(), *lonely.values()))
        self._end_what_is_alone(lonely)
        self._end_what_stands_still(still(rows, processes))
        for pid in monitors_of(silent, processes):
            _signal(pid, signal.SIGKILL)
        gone = self._ids(lost(rows, processes))
        if not gone:
            return len(rows), 0
        unheard = self.untold(gone, [row.ti_id for row in rows])
        self.carry()  # first: who told how its attempt ended lost none
        gone = [ti_id for ti_id in gone if ti_id not in unheard]
        if not gone:
            return len(rows), 0
        return len(rows), self._report({row.ti_id: row.celery_id for row in rows if row.ti_id in gone})

    def _ids(self, rows: Iterable[AttemptRow]) -> list[str]:
        """Those that are to be called lost now; the cleared ones in a while."""
        now, found = self.clock(), tuple(rows)
        self._ended = {row.ti_id: self._ended.get(row.ti_id, now) for row in found if row.restarting}
        return [row.ti_id for row in found if now - self._ended.get(row.ti_id, -math.inf) > CLEARED_SECONDS]

    def worker_gone(self) -> None:
        """Tell the schedulers that a worker died. Raises psycopg.Error."""
        self.database.rows(WORKER_GONE, ())

    def _running(self) -> list[tuple[Any, ...]]:
        return self.database.rows(RUNNING_HERE, (self.hostname,))

    def _report(self, gone: Mapping[str, str]) -> int:
        told = {"ids": list(gone), "celery_ids": list(gone.values()), "hostname": self.hostname}
        reported = int(self.database.rows(REPORT, told)[0][0])
        if self.clock() - self._forgot >= FORGET_SECONDS:
            self._forgot = self.clock()
            self.database.rows(FORGET, {"days": KEPT_DAYS})
        return reported

    def _silent(self, rows: Iterable[AttemptRow]) -> set[str]:
        """The attempts whose monitors say nothing, though they could."""
        now = self.clock()
        known = self._beats if now - self._looked <= BLIND_SECONDS else {}
        self._looked = now
        self._beats = {row.ti_id: _since(row.beat, known.get(row.ti_id), now) for row in rows if not row.restarting}
        quiet = {ti_id: now - since for ti_id, (_, since) in self._beats.items()}
        somebody = min(quiet.values(), default=math.inf) <= HEARD_SECONDS
        # After an outage of the API one is heard first, and all others get the time to be heard, too.
        self._heard = min(self._heard, now) if somebody else math.inf
        heard_for = max(now - self._heard, 0.0)
        return {
            ti_id
            for ti_id, seconds in quiet.items()
            if min(seconds, heard_for) > self.silent_seconds or seconds > VOID_SECONDS
        }

    def _end_what_is_alone(self, found: dict[str, int]) -> None:
        now = self.clock()
        self._alone = {name: self._alone.get(name, now) for name in found}
        for name, since in self._alone.items():
            if now - since > ALONE_SECONDS + GRACE_SECONDS:
                _signal(found[name], signal.SIGKILL)
            elif now - since > ALONE_SECONDS:
                _signal(found[name], signal.SIGTERM)

    def _end_what_stands_still(self, found: Collection[int]) -> None:
        now = self.clock()
        self._still = {pid: self._still.get(pid, now) for pid in found}
        for pid, since in self._still.items():
            if now - since > STILL_SECONDS:
                _signal(pid, signal.SIGKILL)


def _since(beat: float, before: tuple[float, float] | None, now: float) -> tuple[float, float]:
    """A heartbeat, and since when it is the last one."""
    return before if before is not None and before[0] == beat else (beat, now)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def look_at_processes(pids: Collection[int], proc: str | os.PathLike[str] = procfs.PROC) -> AttemptProcesses:
    """The processes of this machine that are of attempts, which monitors of them stand still, and when those of
    ``pids`` started that are alive."""
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


_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
