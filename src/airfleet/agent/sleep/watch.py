"""The watch over components that sleep: a thread that tells the agent's loop which of them have work.

- The database notifies of triggers, requests and callbacks (:data:`airfleet.metadata.channels.SLEEPERS`), on the
  connection that listens for releases. One short query then says whether there is work; otherwise none is sent.
- Files and folders, which a dag-processor has named, are looked at every half second, as it does itself when it runs.
- Airflow's health, and its UI, judge a component by the heartbeat of its job. The thread sends one for those that
  sleep, so they count as healthy as long as this agent lives and reaches the database. The same statement asks for
  work, so a lost notification delays it by ``BEAT_SECONDS`` at most.

Failures: the database is away: the look is repeated with the next heartbeat, and with each notification once the
connection is back. An error that nobody expected is logged, and the thread goes on.
"""

from __future__ import annotations

import queue
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import psycopg

from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.sleep import work
from airfleet.agent.sleep.sleeper import Cause, Sleeper
from airfleet.agent.sleep.work import NO_WORK, Work
from airfleet.agent.supervisor.signals import Wakeup
from airfleet.events import Log, Surprises

#: seconds between two heartbeats of a job; Airflow calls one dead that is silent for 30 s
BEAT_SECONDS = 10.0
#: seconds between two looks at files
FILES_SECONDS = 0.5
#: seconds for which the end waits for the database
CLOSE_SECONDS = 2.0


@dataclass
class SleepWatch:
    """Watches over sleepers. ``wake`` is called, from the thread, when one has to be started."""

    database: Queries
    log: Log
    clock: Callable[[], float]
    wake: Callable[[], None]
    #: the name by which Airflow knows this host
    hostname: Callable[[], str]
    _sleepers: dict[str, Sleeper] = field(default_factory=dict)
    #: names of those that have to be started, and why
    _woken: queue.SimpleQueue[tuple[str, Cause]] = field(default_factory=queue.SimpleQueue)
    #: changes of the loop, which the thread makes
    _orders: queue.SimpleQueue[Callable[[], object]] = field(default_factory=queue.SimpleQueue)
    #: the row of each component that sleeps, or is about to run again
    _jobs: dict[str, int] = field(default_factory=dict)
    #: rows of jobs whose component runs again, or will not
    _ended: list[int] = field(default_factory=list)
    _news: Wakeup = field(default_factory=Wakeup)
    _thread: threading.Thread | None = None
    _has_news: bool = False
    _closing: bool = False
    _beaten: float = float("-inf")

    # --- for the loop, and for whoever has news --------------------------------------------------------

    def add(self, sleeper: Sleeper) -> None:
        """Watch over a component that has just ended."""
        self._order(partial(self._add, sleeper), news=True)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sleepers", daemon=True)
            self._thread.start()

    def remove(self, sleeper: Sleeper) -> None:
        """Watch over it no more."""
        self._order(partial(self._sleepers.pop, sleeper.name, None))

    def end_job(self, name: str) -> None:
        """Call the job of a component that slept ended in good order: another process of it has its own."""
        self._order(partial(self._end, name))

    def hear(self) -> None:
        """Look for work now. Any thread may call this."""
        self._has_news = True
        self._news.wake()

    def woken(self) -> dict[str, Cause]:
        """Return the components that have to be started, since the last call."""
        found: dict[str, Cause] = {}
        with suppress(queue.Empty):
            while True:
                name, cause = self._woken.get_nowait()
                found[name] = cause
        return found

    def close(self) -> None:
        """Watch no more; the jobs of those that sleep have ended in good order."""
        if self._thread is not None:
            self._order(self._end_all)
            self._thread.join(timeout=CLOSE_SECONDS)

    def _order(self, change: Callable[[], object], *, news: bool = False) -> None:
        self._orders.put(change)
        self._has_news |= news
        self._news.wake()

    # --- the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        surprises = Surprises("the watch over components that sleep", self.log)
        while not self._closing:
            with surprises.borne():
                self._step()

    def _add(self, sleeper: Sleeper) -> None:
        self._end(sleeper.name)
        self._sleepers[sleeper.name] = sleeper
        if sleeper.job is not None:
            self._jobs[sleeper.name] = sleeper.job

    def _end(self, name: str) -> None:
        number = self._jobs.pop(name, None)
        if number is not None:
            self._ended.append(number)

    def _step(self) -> None:
        self._wait()
        with suppress(queue.Empty):
            while True:
                self._orders.get_nowait()()
        had_news = self._has_news
        if had_news:
            self._has_news = False  # before the look: news that come from now on are for the next one
        found = self._ask(had_news) if self._sleepers or self._ended else NO_WORK
        now = self.clock()
        for sleeper in tuple(self._sleepers.values()):
            cause = sleeper.cause(now, has_work=found.wakes(sleeper.until))
            if cause is not None:
                del self._sleepers[sleeper.name]
                self._woken.put((sleeper.name, cause))
                self.wake()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._news.socket, select.POLLIN)
        pause_seconds = self._pause()
        poll.poll(None if pause_seconds is None else pause_seconds * 1000)
        self._news.hush()

    def _pause(self) -> float | None:
        """Return the seconds until the next look without news; None while nothing sleeps."""
        now = self.clock()
        moments = [due for one in self._sleepers.values() if (due := one.due_in(now)) is not None]
        if any(one.record.stamps for one in self._sleepers.values()):
            moments.append(FILES_SECONDS)
        if self._asleep or self._ended:
            moments.append(max(0.0, self._beaten + BEAT_SECONDS - now))
        return min(moments, default=None)

    @property
    def _asleep(self) -> list[int]:
        """The rows of those that sleep."""
        return [number for name, number in self._jobs.items() if name in self._sleepers]

    def _ask(self, had_news: bool) -> Work:
        """Ask the database what is to be asked now; nothing where it does not answer."""
        is_due = bool(self._asleep) and self.clock() >= self._beaten + BEAT_SECONDS
        try:
            self._begin_jobs()
            if self._ended:
                self._beaten = self.clock()  # where it is away, the next try is as late
                work.end(self.database, self._ended)
                self._ended.clear()
            if is_due:
                self._beaten = self.clock()
                return work.beat(self.database, self._asleep)
            return work.look(self.database) if had_news and self._sleepers else NO_WORK
        except (psycopg.Error, OSError):
            return NO_WORK

    def _begin_jobs(self) -> None:
        for sleeper in self._sleepers.values():
            if sleeper.job_type and sleeper.name not in self._jobs:
                self._jobs[sleeper.name] = work.begin(self.database, sleeper.job_type, self.hostname())

    def _end_all(self) -> None:
        self._closing = True
        self._ended += self._jobs.values()
        self._jobs.clear()
        self._sleepers.clear()
