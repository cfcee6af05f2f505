"""The watch over releases: this host hears of each one, fetches it, reports it, and makes live what the database says.

One thread listens on a connection of its own, and waits for notifications without asking. Fetches run in further
threads (:mod:`airfleet.agent.releases.fetches`). The agent's loop only reads :attr:`ReleaseWatch.status` and
:attr:`ReleaseWatch.trouble`.

Failures:

- The database is away: the releases of this host stay as they are, the log says so once, and the connection is opened
  again with backoff. Everything is read anew then, because notifications were missed.
- A release cannot be fetched: others go on, and it is tried again with backoff. The log says why, once for each cause.
- The agent is killed: the next one compares the disk with the database, and goes on with what is missing.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Protocol

import psycopg

from airfleet.agent.release_status import ReleaseStatus
from airfleet.agent.releases import decisions
from airfleet.agent.releases.decisions import Decision, Failure, Here, Report, Wanted
from airfleet.agent.releases.elsewhere import ReadyElsewhere
from airfleet.agent.releases.fetches import Fetched, FetchFailed, ReleaseFetches
from airfleet.agent.releases.vouching import ReleaseVouching
from airfleet.agent.supervisor.signals import Wakeup
from airfleet.backoff import Backoff
from airfleet.events import Event, Log, Surprises
from airfleet.releases.manifest import SHORT
from airfleet.releases.news import News, heard

#: seconds between two attempts to connect
RECONNECT_BACKOFF = Backoff(first=0.5, most=30.0, jitter=0.5)
#: seconds in which the reports of hosts are collected before they are read: all hosts report at one moment
HOSTS_PAUSE_SECONDS = 0.3
#: seconds between two looks for tables that a migration is about to make
NO_TABLES_BACKOFF = Backoff(first=0.5, most=5.0)


class ReleaseDatabase(Protocol):
    """A connection that listens to news of releases. All raise psycopg.Error."""

    def wait(self, seconds: float | None, wakeup: socket.socket) -> tuple[str, ...]:
        """Wait for notifications, or until ``wakeup`` is readable, or so long; return their payloads."""

    def wanted(self) -> Wanted:
        """Read which releases are needed."""

    def status(self) -> ReleaseStatus:
        """Read the live release, and which hosts have it."""

    def reported(self, host: str) -> Mapping[str, Report]:
        """Read what a host reported."""

    def ready(self, digest: str) -> frozenset[str]:
        """Read which hosts have a release."""

    def report(self, host: str, digest: str, report: Report) -> None:
        """Report a release."""

    def withdraw(self, host: str, digests: Collection[str]) -> None:
        """Take back reports that are true no more."""

    def close(self) -> None:
        """Close the connection."""


class ReleaseDisk(Protocol):
    """The releases on the disk of this host. All raise OSError."""

    def tidy(self) -> None:
        """Remove what an agent before this one left half fetched."""

    def live(self) -> str | None:
        """Read which release is live here."""

    def trees(self) -> frozenset[str]:
        """List the whole releases that are here."""

    def unbuilt(self) -> frozenset[str]:
        """List the releases whose files are here, and whose Python environments are not."""

    def fetch(self, digest: str) -> None:
        """Bring a release here; may take long. Raises FetchFailed, or what a store raises."""

    def activate(self, digest: str) -> None:
        """Make a release that is here the live one."""

    def retire(self) -> None:
        """Have no live release any more."""

    def drop(self, digests: Collection[str]) -> None:
        """Delete these, and what of their files is nobody's any more."""


class ReleaseWatch:
    """The releases of one host. ``wake`` is called, from the thread, when the agent's loop should look.

    ``elsewhere`` are the hosts that give objects which the store does not.
    """

    def __init__(
        self,
        host: str,
        connect: Callable[[], ReleaseDatabase],
        disk: ReleaseDisk,
        log: Log,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        vouching: ReleaseVouching | None = None,
        elsewhere: Collection[str] = (),
    ) -> None:
        self._vouching = vouching or ReleaseVouching(None, log, clock)
        self._host = host
        self._connect = connect
        self._disk = disk
        self._log = log
        self._wake = wake
        self._clock = clock
        self._surprises = Surprises("the watch over releases", log)
        self._news = Wakeup()
        self._fetches = ReleaseFetches(disk.fetch, self._news.wake, clock)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._wanted = Wanted()
        #: what people are told of all releases, and when it was read
        self._status, self._read_at = ReleaseStatus(), clock()
        #: when to read it again; None while it is true
        self._stale_at: float | None = None
        #: whether other releases are needed than when that was read
        self._is_outdated = False
        self._failures: dict[str, Failure] = {}
        self._elsewhere = ReadyElsewhere(elsewhere)
        self._reported: dict[str, Report] = {}
        #: connections that failed in a row
        self._lost = 0
        self._has_said_lost = False
        #: why the live release is not on this host, as a sentence; empty while it is, or comes
        self.trouble = ""
        #: called, from the thread, when another release is live here
        self.activated: Callable[[], None] = lambda: None

    @property
    def status(self) -> ReleaseStatus:
        """Return what people are told of all releases."""
        told = self._status
        return replace(told, since=told.since + self._clock() - self._read_at) if told.live else told

    def start(self) -> None:
        """Watch from now on; does nothing a second time."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="releases", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Watch no more; returns at once. A fetch under way is left as it is."""
        self._closing.set()
        self._news.wake()

    # --- the connection ----------------------------------------------------------------------------

    def _keep(self) -> None:
        with self._surprises.borne():
            self._disk.tidy()
        while not self._closing.is_set():
            self._closing.wait(self._once())

    def _once(self) -> float:
        """Watch over one connection; return the seconds until the next one."""
        try:
            with closing(self._connect()) as database:
                self._watch(database)
        except psycopg.errors.UndefinedTable:  # a database that 'airfleet up' is about to migrate
            self._lost += 1
            return NO_TABLES_BACKOFF.delay(self._lost)
        except psycopg.Error as away:
            self._say_lost(away)
        except Exception as error:
            self._surprises.met(error)
        self._lost += 1
        return RECONNECT_BACKOFF.delay(self._lost)

    def _watch(self, database: ReleaseDatabase) -> None:
        self._read(database)
        self._reported = dict(database.reported(self._host))
        self._say_heard()
        while not self._closing.is_set():
            for fetched in self._fetches.take():
                self._note(fetched)
            self._look_elsewhere(database)
            again_at = self._act(database)
            payloads = database.wait(self._pause(again_at), self._news.socket)
            self._news.hush()
            self._hear(payloads)
            self._read_again(database)

    def _pause(self, again_at: float | None) -> float | None:
        """Return the seconds until the next look without news; None: only news counts."""
        due = [at for at in (again_at, self._stale_at, self._vouching.again_at) if at is not None]
        return max(0.0, min(due) - self._clock()) if due else None

    def _read(self, database: ReleaseDatabase) -> None:
        self._wanted, self._is_outdated = database.wanted(), False
        self._failures = {d: failure for d, failure in self._failures.items() if d in self._wanted.by_urgency}
        self._elsewhere.forget(self._wanted.by_urgency)
        self._read_status(database)

    def _read_status(self, database: ReleaseDatabase) -> None:
        self._status, self._read_at, self._stale_at = database.status(), self._clock(), None

    def _read_again(self, database: ReleaseDatabase) -> None:
        """Read what news made untrue."""
        if self._is_outdated:
            self._read(database)
        elif self._stale_at is not None and self._clock() >= self._stale_at:
            self._read_status(database)

    def _hear(self, payloads: Collection[str]) -> None:
        """Note notifications."""
        for told in map(heard, payloads):
            if told is None or told.news is not News.HOST:
                self._failures.pop(told.digest if told else "", None)  # whoever published it again mended its store
                self._is_outdated = True
                if told is not None and told.news is News.PUBLISHED:
                    self._reported.pop(told.digest, None)  # a push waits for a newer report, also of the same refusal
                continue
            self._elsewhere.hear(told.digest)
            if told.digest == self._wanted.live and self._stale_at is None:
                self._stale_at = self._clock() + HOSTS_PAUSE_SECONDS

    def _look_elsewhere(self, database: ReleaseDatabase) -> None:
        """Try again at once what one more host can give."""
        failed = self._failures.keys() - self._fetches.under_way
        for digest in self._elsewhere.take(failed, database.ready):
            self._failures[digest] = replace(self._failures[digest], again_at=self._clock())

    # --- one step ----------------------------------------------------------------------------------

    def _act(self, database: ReleaseDatabase) -> float | None:
        """Do what is to be done now; return when to look again, None when only news counts."""
        decision = decisions.decide(self._wanted, self._here(), self._clock())
        for digest in decision.fetch:
            self._fetches.start(digest)
        self._change_disk(decision)
        for digest, report in decision.report.items():
            database.report(self._host, digest, report)
            self._reported[digest] = report
        if decision.withdraw:
            database.withdraw(self._host, decision.withdraw)
            self._reported = {d: report for d, report in self._reported.items() if d not in decision.withdraw}
        self._tell(decisions.trouble(self._wanted, self._here()))
        return decision.again_at

    def _here(self) -> Here:
        return Here(
            live=self._disk.live(),
            trees=self._disk.trees(),
            unbuilt=self._disk.unbuilt(),
            fetching=self._fetches.under_way,
            failures=self._failures,
            reported=self._reported,
            refusals=self._vouching.refusals(self._wanted),
        )

    def _change_disk(self, decision: Decision) -> None:
        if decision.activate is not None:
            self._activate(decision.activate)
        with self._surprises.borne():
            if decision.retire:
                self._disk.retire()
                self._log(Event.RELEASE_RETIRED)
            if decision.drop:
                self._disk.drop(decision.drop)
                self._log(Event.RELEASES_DELETED, count=len(decision.drop))

    def _activate(self, digest: str) -> None:
        try:
            self._disk.activate(digest)
        except OSError as failed:
            self._fail(Event.RELEASE_NOT_LIVE, digest, _words(failed), is_certain=False)
        else:
            self._failures.pop(digest, None)
            self._log(Event.RELEASE_LIVE, release=digest[:SHORT])
            self.activated()
        self._news.wake()  # what follows is decided anew

    def _note(self, fetched: Fetched) -> None:
        """Take the end of a fetch."""
        error = fetched.error
        if error is None:
            self._failures.pop(fetched.digest, None)
            self._log(Event.RELEASE_FETCHED, release=fetched.digest[:SHORT], seconds=round(fetched.seconds, 2))
            return
        if not isinstance(error, FetchFailed | psycopg.Error | OSError):
            self._surprises.met(error)
        certain, awaited = (error.is_certain, error.is_awaited) if isinstance(error, FetchFailed) else (False, False)
        self._fail(Event.RELEASE_NOT_FETCHED, fetched.digest, _words(error), is_certain=certain, is_awaited=awaited)

    def _fail(
        self, event: Event, digest: str, sentence: str, *, is_certain: bool = False, is_awaited: bool = False
    ) -> None:
        before = self._failures.get(digest)
        if before is None or before.sentence != sentence:
            self._log(event, release=digest[:SHORT], why=_first_line(sentence))
        self._failures[digest] = decisions.failed(
            before, sentence, self._clock(), is_certain=is_certain, is_awaited=is_awaited
        )

    # --- what people are told ----------------------------------------------------------------------

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._wake()

    def _say_lost(self, away: Exception) -> None:
        if not self._has_said_lost and not self._closing.is_set():
            self._has_said_lost = True
            self._log(Event.RELEASES_UNHEARD, why=_words(away))

    def _say_heard(self) -> None:
        self._lost = 0
        if self._has_said_lost:
            self._has_said_lost = False
            self._log(Event.RELEASES_HEARD)


def _words(error: Exception) -> str:
    """Say what went wrong: on one line, but for a text that was written for people."""
    if isinstance(error, FetchFailed):
        return str(error).strip()
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return _first_line(str(error).strip()) or type(error).__name__


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
