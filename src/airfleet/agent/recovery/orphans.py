"""Orphaned attempts of this host: the database calls them running, and no process of them is left.

Nobody's word is needed for a loss: whatever killed the processes, their absence is seen.

Order matters: first the database is asked, then processes are looked at. An attempt that the database called running
had its monitor by then, so an id that no process names afterwards has ended meanwhile or is lost; which of the two, the
statement that reports it sees for itself.

An attempt without its monitor (the worker's pool usually ends it within seconds) can report nothing any more: it gets
SIGTERM, then SIGKILL, and is reported only then. So a lost attempt is never running anywhere. A stopped monitor
(SIGSTOP) reports nothing either, and is killed before Airflow, which waits five minutes for a heartbeat, would fail its
attempt at the cost of a retry. So is one that is silent for another reason (its disk does not answer, its control group
is frozen) while another attempt of this host is heard. Of a host that nobody took over, Airflow fails no attempt for
silence: it would hang for ever.

Results come before losses: those in the outbox and the upload folder are told first, and an attempt whose result nobody
has heard yet is not lost.

Failures:

- The database is away: the next look sees the same, and nobody was silent meanwhile.
- A monitor cannot be killed (its disk does not answer): its attempt stays its own for as long as that takes.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import LiteralString

from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.recovery.attempt_processes import (
    AttemptProcesses,
    AttemptRow,
    look_at_processes,
    lost,
    monitors_of,
    stopped_monitors,
    unmonitored,
)
from airfleet.agent.recovery.silence import SILENT_SECONDS, SilenceWatch
from airfleet.metadata.lost_attempts import KEPT_DAYS, REPORT, RUNNING_HERE, WORKER_GONE

#: seconds that an attempt may live without its monitor before SIGTERM, and from then until SIGKILL
ALONE_SECONDS, GRACE_SECONDS = 10.0, 5.0
#: seconds that a monitor may be stopped before it is killed
STILL_SECONDS = 120.0
#: seconds that a cleared attempt may be without a process: its end is told as that of the attempt it was, and until a
#: scheduler has heard of it, it looks like a loss
CLEARED_SECONDS = 5.0
#: seconds between two times that old losses are deleted, by whoever has a new one to tell
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
class AttemptsSeen:
    """One look: the attempts that the database calls running, their processes, and the silent ones among them."""

    rows: tuple[AttemptRow, ...]
    processes: AttemptProcesses
    silent: Collection[str]
    at: float

    @property
    def ids(self) -> list[str]:
        """Return the ids of all attempts."""
        return [row.ti_id for row in self.rows]


@dataclass(frozen=True)
class LookResult:
    """The number of attempts that run here, and of lost ones that were reported."""

    running: int
    reported: int = 0


@dataclass
class OrphanDetector:
    """Looks for orphaned attempts of the host that Airflow knows as ``hostname``."""

    database: Queries
    hostname: str
    clock: Callable[[], float] = time.monotonic
    silent_seconds: float = SILENT_SECONDS
    #: uploads results that workers left into the database; raises psycopg.Error or OSError
    upload: Callable[[], object] = lambda: None
    #: relays results of the first, of all that run here (the second), to the API; returns those that nobody heard
    relay: Callable[[Collection[str], Collection[str]], Collection[str]] = lambda gone, running: ()
    #: processes that the last look found and whose death is news: monitors, and attempts that have none
    watched: frozenset[int] = frozenset()
    #: attempts without a monitor -> since when that is known
    _unmonitored: dict[str, float] = field(default_factory=dict)
    #: stopped monitors -> since when that is known
    _stopped: dict[int, float] = field(default_factory=dict)
    #: cleared attempts without a process -> since when that is known
    _cleared: dict[str, float] = field(default_factory=dict)
    _forgot: float = -math.inf

    def __post_init__(self) -> None:
        self._silence = SilenceWatch(self.silent_seconds)

    def look(self) -> LookResult:
        """End what can report nothing any more, and report what has no process. Raises psycopg.Error or OSError."""
        seen = self._see()
        if not seen.rows:
            return self._rest()
        self._end_unmonitored(seen)
        self._kill_stopped_monitors(seen)
        self._kill_silent_monitors(seen)
        gone = self._without_process(seen)
        if gone:
            gone = self._without_result(gone, seen)
        return LookResult(len(seen.rows), self._report(gone) if gone else 0)

    def worker_gone(self) -> None:
        """Tell the schedulers that a worker died. Raises psycopg.Error."""
        self.database.rows(WORKER_GONE, ())

    # --- steps, in this order ------------------------------------------------------------------------

    def _see(self) -> AttemptsSeen:
        """Ask the database first, then look at processes: the order proves a loss."""
        found = self.database.rows(RUNNING_HERE, (self.hostname,))
        rows = tuple(
            AttemptRow(ti_id, pid, restarting, beat or 0.0, celery) for ti_id, pid, restarting, beat, celery in found
        )
        now = self.clock()
        silent = self._silence.look(rows, now)
        pids = {row.pid for row in rows if row.pid is not None}
        processes = look_at_processes(pids) if rows else AttemptProcesses({}, {}, {})
        return AttemptsSeen(rows, processes, silent, now)

    def _rest(self) -> LookResult:
        """Forget what ran here; results in the outbox may be old."""
        self._unmonitored.clear()
        self._stopped.clear()
        self.relay((), ())
        return LookResult(0)

    def _end_unmonitored(self, seen: AttemptsSeen) -> None:
        """Send SIGTERM, then SIGKILL, to attempts without a monitor; watch them, and the monitors of the others."""
        found = unmonitored(seen.rows, seen.processes)
        self.watched = frozenset((*seen.processes.monitors.values(), *found.values()))
        self._unmonitored = {name: self._unmonitored.get(name, seen.at) for name in found}
        for name, since in self._unmonitored.items():
            if seen.at - since > ALONE_SECONDS + GRACE_SECONDS:
                _signal(found[name], signal.SIGKILL)
            elif seen.at - since > ALONE_SECONDS:
                _signal(found[name], signal.SIGTERM)

    def _kill_stopped_monitors(self, seen: AttemptsSeen) -> None:
        found = stopped_monitors(seen.rows, seen.processes)
        self._stopped = {pid: self._stopped.get(pid, seen.at) for pid in found}
        for pid, since in self._stopped.items():
            if seen.at - since > STILL_SECONDS:
                _signal(pid, signal.SIGKILL)

    def _kill_silent_monitors(self, seen: AttemptsSeen) -> None:
        for pid in monitors_of(seen.silent, seen.processes):
            _signal(pid, signal.SIGKILL)

    def _without_process(self, seen: AttemptsSeen) -> tuple[AttemptRow, ...]:
        """Return the attempts to be called lost now; the cleared ones only after a while."""
        found = lost(seen.rows, seen.processes)
        self._cleared = {row.ti_id: self._cleared.get(row.ti_id, seen.at) for row in found if row.restarting}
        return tuple(row for row in found if seen.at - self._cleared.get(row.ti_id, -math.inf) > CLEARED_SECONDS)

    def _without_result(self, gone: Iterable[AttemptRow], seen: AttemptsSeen) -> tuple[AttemptRow, ...]:
        """Tell the results of attempts first; return those of which none waits to be heard."""
        known = tuple(gone)
        unheard = self.relay([row.ti_id for row in known], seen.ids)
        self.upload()  # before any report: who told how its attempt ended lost none
        return tuple(row for row in known if row.ti_id not in unheard)

    def _report(self, gone: Iterable[AttemptRow]) -> int:
        """Report lost attempts, and delete old reports now and then; return how many were lost."""
        told: Mapping[str, str] = {row.ti_id: row.celery_id for row in gone}
        values = {"ids": list(told), "celery_ids": list(told.values()), "hostname": self.hostname}
        reported = int(self.database.rows(REPORT, values)[0][0])
        if self.clock() - self._forgot >= FORGET_SECONDS:
            self._forgot = self.clock()
            self.database.rows(FORGET, {"days": KEPT_DAYS})
        return reported


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
