"""Workers that were replaced, or whose agent was killed, and whose attempts still run.

Each was told to end (SIGTERM: Celery takes nothing more, waits for what runs, and goes). One that does not hear it,
and that is how such workers may be, is ended by force as soon as none of its attempts is left: an attempt itself needs
only its monitor, a process of its own in the worker's session.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from airfleet.agent.supervisor import process
from airfleet.system import procfs
from airfleet.system.process_tree import RecordedProcess

#: how the title of a process begins that watches an attempt
MONITOR = b"airflow supervisor: "
#: seconds that Celery gets to end by itself when it has nothing to do; and between two looks
GRACE_SECONDS, LOOK_SECONDS = 15.0, 3.0


class Draining:
    """The workers that are on their way out, by pid."""

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
        """Ask a worker to end when its attempts have."""
        self._since[pid] = self._clock()
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # whoever reaps it says so

    def adopt(self, worker: RecordedProcess) -> None:
        """Wait for a worker that an earlier agent had left, and that has been told to end."""
        self._since[worker.pid] = self._clock()
        self._adopted[worker.pid] = worker

    @property
    def pids(self) -> tuple[int, ...]:
        """Their processes."""
        return tuple(self._since)

    def ended(self, pid: int) -> bool:
        """Note that a process has ended; whether it was one of these."""
        return self._since.pop(pid, None) is not None

    def look(self) -> tuple[int, ...]:
        """End those by force that have nothing to do and do not go; the pids of adopted ones that have ended."""
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
