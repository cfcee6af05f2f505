"""The drain of workers that were replaced, or whose agent was killed, while their attempts still run.

Each got SIGTERM: Celery takes nothing more, waits for what runs, and ends. A worker that does not react is killed as
soon as none of its attempts is left: an attempt itself needs only its monitor, a process of its own in the worker's
session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from airfleet.agent.supervisor import process
from airfleet.system import procfs
from airfleet.system.process_tree import RecordedProcess

#: the beginning of a monitor's process title
MONITOR = b"airflow supervisor: "
#: seconds in which an idle Celery may end by itself; and between two looks
GRACE_SECONDS, LOOK_SECONDS = 15.0, 3.0


class WorkerDrain:
    """The draining workers, by pid."""

    def __init__(self, clock: Callable[[], float], works: Callable[[int], bool] | None = None) -> None:
        self._clock = clock
        self._works = works or has_attempts
        self._since: dict[int, float] = {}
        #: those that are no children of this agent
        self._adopted: dict[int, RecordedProcess] = {}
        self._looked_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._since)

    def add(self, pid: int) -> None:
        """Ask a worker to end once its attempts have."""
        self._since[pid] = self._clock()
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # whoever reaps it says so

    def adopt(self, worker: RecordedProcess) -> None:
        """Wait for a worker of an earlier agent that has been told to end."""
        self._since[worker.pid] = self._clock()
        self._adopted[worker.pid] = worker

    @property
    def pids(self) -> tuple[int, ...]:
        """Return their pids."""
        return tuple(self._since)

    def ended(self, pid: int) -> bool:
        """Note that a process has ended; tell whether it was a draining worker."""
        return self._since.pop(pid, None) is not None

    def look(self) -> tuple[int, ...]:
        """Kill idle workers that do not end; return the pids of adopted ones that have ended."""
        now = self._clock()
        if not self._since or now - self._looked_at < LOOK_SECONDS:
            return ()
        self._looked_at = now
        gone = tuple(pid for pid, worker in self._adopted.items() if not worker.lives)
        for pid in gone:
            del self._since[pid], self._adopted[pid]
        for pid, since in self._since.items():
            if now - since > GRACE_SECONDS and not self._works(pid):
                process.signal_group(pid, signal.SIGKILL)
        return gone


def has_attempts(session: int, proc: str | os.PathLike[str] = procfs.PROC) -> bool:
    """Tell whether some process of this session watches an attempt."""
    monitors = (pid for pid in procfs.pids(proc) if procfs.read(pid, "cmdline", proc).startswith(MONITOR))
    return any(found.session == session for pid in monitors if (found := procfs.stat(pid, proc)))
