"""What the agent tells the database of the dead: that a component's job has ended, and which attempts went with it.

A scheduler, a triggerer or a dag-processor keeps a row in Airflow's ``job`` table with a heartbeat. One that is killed
leaves it *running*, and the others believe that for as long as a heartbeat may be late. The agent knows better: it is
the parent. So each such component leaves word for its agent (:func:`leave`) which row is its own, and when its process
is gone the agent marks that row *failed*, if it is still *running*. A trigger tells the schedulers, and they adopt at
once.

Everything that asks the database happens in one thread; the agent's loop only puts a word into its queue.

What fails: the database is away - what is to be said waits, and is said when it is back; the component died before it
wrote anything down, or the agent with it - the heartbeat's age is what tells, as in stock Airflow; a new agent finds
what an earlier one could not say, for the files are still there; an error that nobody expected - it is in the log, and
the thread goes on, because nobody else would notice that it does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import LiteralString

import psycopg

from airfleet.agent import lost
from airfleet.agent.wakeup import Wakeup
from airfleet.events import Event, Log, Surprises
from airfleet.runtime.losses import REPORT_HOST

#: seconds between two looks for lost attempts: while some run here, or did a while ago, and at rest
BUSY_SECONDS, QUIET_SECONDS = 2.0, 5.0
#: looks that find nothing running, after which the agent rests
BUSY_LOOKS = 30
#: seconds until something is said again that the database did not hear
AGAIN_SECONDS = 0.5
#: looks that follow one another as soon when a worker or a monitor has died: its attempts need not go at once
QUICK_LOOKS = 12

#: kinds of components that have a row in the table of jobs
WITH_JOB = frozenset({"scheduler", "triggerer", "dag-processor"})

FENCE: LiteralString = (
    "UPDATE job SET state = 'failed', end_date = now() WHERE id = %s AND state = 'running' RETURNING id"
)
FENCE_HOST: LiteralString = (
    "UPDATE job SET state = 'failed', end_date = now() WHERE hostname = %s AND state = 'running' RETURNING id"
)


@dataclass(frozen=True)
class Job:
    """Which row of the table of jobs a process has."""

    component: str
    pid: int
    number: int


def leave(path: Path, words: str) -> None:
    """Leave a few words for the agent to find, also where the disk is full: then as the target of a link that leads
    nowhere, for which a file system needs no room beside the entry. Raises OSError when it takes that neither."""
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # one that was a link would be written through
    try:
        draft.write_text(words)
    except OSError:
        draft.unlink(missing_ok=True)
        draft.symlink_to(words)
    os.replace(draft, path)


def left(path: Path) -> str:
    """What was left there. Raises OSError (FileNotFoundError when there is nothing) and ValueError."""
    return os.readlink(path) if path.is_symlink() else path.read_text()


def beat(path: Path, pid: int) -> None:
    """Say, from within a worker, that it is well. Raises OSError when the agent will not learn of it."""
    try:
        is_ours = left(path) == str(pid)
    except (OSError, ValueError):
        is_ours = False
    if is_ours:
        os.utime(path, follow_symlinks=False)
    else:
        leave(path, str(pid))


def write_down(folder: Path, job: Job) -> None:
    """Say, from within a component, which row is its own. Raises OSError; see :func:`leave`."""
    leave(_file(folder, job.component), json.dumps({"pid": job.pid, "job": job.number}))


def read_down(folder: Path, component: str) -> Job | None:
    """What a component wrote down; None when it has not."""
    try:
        found = json.loads(left(_file(folder, component)))
        return Job(component, int(found["pid"]), int(found["job"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def of_the_dead(folder: Path, is_alive: Callable[[int], bool]) -> tuple[Job, ...]:
    """The jobs in a folder whose processes are gone."""
    found = (read_down(folder, path.stem) for path in sorted(folder.glob("[!.]*.job")))
    return tuple(job for job in found if job is not None and not is_alive(job.pid))


def _file(folder: Path, component: str) -> Path:
    return folder / f"{component}.job"


def host_gone(database: lost.Asks, hostname: str) -> int:
    """Say of a whole host what its agent cannot any more; how many attempts were lost with it. Raises psycopg.Error.

    Only for who knows that nothing runs there: its lease is over, and it ends what it runs before that.
    """
    database.rows(FENCE_HOST, (hostname,))
    return int(database.rows(REPORT_HOST, {"hostname": hostname})[0][0])


class Fencing:
    """The thread that tells the database. ``folder`` is where components write down their jobs; ``carry`` brings what
    workers left to tell into the database, and ``untold`` to the API, before anything is called lost."""

    def __init__(
        self,
        database: lost.Asks,
        hostname: str,
        folder: Path,
        log: Log,
        carry: Callable[[], object] = lambda: None,
        untold: Callable[[Collection[str], Collection[str]], Collection[str]] = lambda gone, running: (),
        silent_seconds: float = lost.SILENT_SECONDS,
    ) -> None:
        self._database = database
        self._lookout = lost.Lookout(database, hostname, carry=carry, untold=untold, silent_seconds=silent_seconds)
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
        """Begin, with what an earlier agent of this host could not say."""
        for job in of_the_dead(self._folder, _is_alive):
            self._put(partial(self._fence, job))
        self._thread.start()

    def died(self, kind: str, component: str, pid: int) -> None:
        """A component's process has ended; returns at once."""
        if kind == "worker":
            self._put(self._worker_gone)
        elif kind in WITH_JOB:
            job = read_down(self._folder, component)
            if job is not None and job.pid == pid:
                self._put(partial(self._fence, job))

    def close(self) -> None:
        """Say no more; what the database cannot hear now is left to the next start."""
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
        """Seconds until the next time."""
        try:
            self._say()
            running, reported = self._lookout.look()
        except (psycopg.Error, OSError):
            return AGAIN_SECONDS if self._unsaid else BUSY_SECONDS
        if reported:
            self._log(Event.ATTEMPTS_LOST, count=reported)
        self._heed(self._lookout.watched)
        return self._pause(running)

    def _wait(self, seconds: float) -> bool:
        """Wait for a word, or the death of a process that is watched, for so long at the most; whether to go on."""
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
        self._lookout.worker_gone()

    def _say(self) -> None:
        while self._unsaid:
            word = self._unsaid.pop(0)
            try:
                word()
            except (psycopg.Error, OSError):  # any other error would be met again, for ever
                self._unsaid.insert(0, word)
                raise

    def _fence(self, job: Job) -> None:
        if self._database.rows(FENCE, (job.number,)):
            self._log(Event.JOB_FENCED, component=job.component, job=job.number)
        with contextlib.suppress(OSError):
            if read_down(self._folder, job.component) == job:
                _file(self._folder, job.component).unlink()


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
