"""Job fencing: the job of a dead component is marked failed at once, and orphaned attempts of its host are reported.

A scheduler, a triggerer or a dag-processor keeps a row in Airflow's ``job`` table with a heartbeat. When it is killed
the row stays *running*, and the others believe that for as long as a heartbeat may be late. The agent knows better: it
is the parent. So each such component leaves a mark (:mod:`airfleet.spool.job_marks`) with its row; when its process is
gone the agent marks that row *failed*, if it is still *running*. A trigger tells the schedulers, which adopt at once.

One thread puts all questions to the database; the agent's loop only puts a word into its queue.

Failures:

- The database is away: words wait, and are said when it is back.
- The component died before it left its mark, or the agent with it: the heartbeat's age tells, as in stock Airflow.
- An agent died with words unsaid: the next one finds the marks.
- An error that nobody expected: it is logged, and the thread goes on, as nobody else would notice that it does not.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import LiteralString

import psycopg

from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.recovery.orphans import OrphanDetector
from airfleet.agent.recovery.silence import SILENT_SECONDS
from airfleet.agent.supervisor.signals import Wakeup
from airfleet.events import Event, Log, Surprises
from airfleet.spool import job_marks
from airfleet.spool.job_marks import JobMark
from airfleet.system import procfs

#: seconds between two looks for lost attempts: while some run here, or did a while ago, and at rest
BUSY_SECONDS, QUIET_SECONDS = 2.0, 5.0
#: looks that find nothing running, after which the agent rests
BUSY_LOOKS = 30
#: seconds until a word is repeated that the database did not hear
AGAIN_SECONDS = 0.5
#: looks at that pace after the death of a worker or a monitor, whose attempts may take a while to end
QUICK_LOOKS = 12

#: kinds of components that have a row in the table of jobs
WITH_JOB = frozenset({"scheduler", "triggerer", "dag-processor"})

FENCE: LiteralString = (
    "UPDATE job SET state = 'failed', end_date = now() WHERE id = %s AND state = 'running' RETURNING id"
)


class JobFencing:
    """The thread that tells the database of deaths. ``folder`` has the marks of components.

    ``upload`` and ``relay`` tell results that workers left, before any attempt is called lost (see
    :class:`~airfleet.agent.recovery.orphans.OrphanDetector`).
    """

    def __init__(
        self,
        database: Queries,
        hostname: str,
        folder: Path,
        log: Log,
        upload: Callable[[], object] = lambda: None,
        relay: Callable[[Collection[str], Collection[str]], Collection[str]] = lambda gone, running: (),
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._database = database
        self._orphans = OrphanDetector(database, hostname, upload=upload, relay=relay, silent_seconds=silent_seconds)
        self._folder = folder
        self._log = log
        self._surprises = Surprises("the look for lost attempts", log)
        self._words: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._unsaid: list[Callable[[], None]] = []
        self._quick_looks = self._busy_looks = 0
        self._wakeup = Wakeup()
        #: the death of a monitor, or of an attempt without one, is known at once: its pid -> a descriptor that tells
        self._watched: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="fencing", daemon=True)

    def start(self) -> None:
        """Begin, with the jobs that an earlier agent of this host left unfenced."""
        for job in job_marks.jobs_of_dead_processes(self._folder, _is_alive):
            self._put(partial(self._fence, job))
        self._thread.start()

    def died(self, kind: str, component: str, pid: int) -> None:
        """Note that a component's process has ended; return at once."""
        if kind == "worker":
            self._put(self._worker_gone)
        elif kind in WITH_JOB:
            job = job_marks.read_job(self._folder, component)
            if job is not None and job.pid == pid:
                self._put(partial(self._fence, job))

    def close(self) -> None:
        """Stop; words that the database cannot hear now are left to the next start."""
        self._put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _put(self, word: Callable[[], None] | None) -> None:
        self._words.put(word)
        self._wakeup.wake()

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        pause = 0.0
        while self._wait(pause):
            pause = BUSY_SECONDS
            with self._surprises.borne():
                pause = self._say_and_look()
        for descriptor in self._watched.values():
            os.close(descriptor)

    def _say_and_look(self) -> float:
        """Say what is unsaid and look for orphans; return the seconds until the next time."""
        try:
            self._say()
            found = self._orphans.look()
        except (psycopg.Error, OSError):
            return AGAIN_SECONDS if self._unsaid else BUSY_SECONDS
        if found.reported:
            self._log(Event.ATTEMPTS_LOST, count=found.reported)
        self._heed(self._orphans.watched)
        return self._pause(found.running)

    def _wait(self, seconds: float) -> bool:
        """Wait for a word, or the death of a watched process, for so long at most; tell whether to go on."""
        poll = select.poll()
        for descriptor in (self._wakeup.socket.fileno(), *self._watched.values()):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(seconds * 1000)}
        for pid in [pid for pid, descriptor in self._watched.items() if descriptor in ready]:
            os.close(self._watched.pop(pid))
            self._quick_looks = QUICK_LOOKS
        self._wakeup.hush()
        with contextlib.suppress(queue.Empty):
            while True:
                word = self._words.get_nowait()
                if word is None:
                    return False
                self._unsaid.append(word)
        return True

    def _heed(self, pids: Collection[int]) -> None:
        for pid in set(pids) - set(self._watched):
            with contextlib.suppress(OSError):  # it has ended meanwhile; the next look sees that
                self._watched[pid] = os.pidfd_open(pid)

    def _pause(self, running: int) -> float:
        self._busy_looks = BUSY_LOOKS if running else max(0, self._busy_looks - 1)
        self._quick_looks = max(0, self._quick_looks - 1) if running else 0
        if self._quick_looks:
            return AGAIN_SECONDS
        return BUSY_SECONDS if self._busy_looks else QUIET_SECONDS

    def _worker_gone(self) -> None:
        self._quick_looks = QUICK_LOOKS
        self._orphans.worker_gone()

    def _say(self) -> None:
        while self._unsaid:
            word = self._unsaid.pop(0)
            try:
                word()
            except (psycopg.Error, OSError):  # any other error would be met again, for ever
                self._unsaid.insert(0, word)
                raise

    def _fence(self, job: JobMark) -> None:
        if self._database.rows(FENCE, (job.number,)):
            self._log(Event.JOB_FENCED, component=job.component, job=job.number)
        job_marks.remove_job(self._folder, job)


def _is_alive(pid: int) -> bool:
    return procfs.stat(pid) is not None
