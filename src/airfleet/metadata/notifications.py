"""Wakes a scheduler by notifications, which PostgreSQL sends when a change that the scheduler acts on is committed.

Triggers on Airflow's tables send them (:mod:`airfleet.metadata.notification_triggers`) on the channels of
:mod:`airfleet.metadata.channels`.

Failures: without a connection :class:`NotificationListener` waits without news and reconnects with backoff; after a
reconnect it reports that everything may have changed; triggers that somebody removed it restores within 30 s, with a
warning. The scheduler does not depend on notifications: without them it polls once a second, as Airflow's does.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from airfleet.backoff import Backoff
from airfleet.metadata import notification_triggers, triggers
from airfleet.metadata.channels import CHANNELS, DAGS, JOBS, LOST, RELEASES, RUNS, SEPARATOR, TASKS
from airfleet.system.connection_timeouts import CLIENT

log = logging.getLogger(__name__)

#: seconds between two attempts to connect
RECONNECT_BACKOFF = Backoff(first=0.5, most=30.0)
#: seconds between two checks that the triggers are there
LOOK_SECONDS = 30.0


@dataclass
class News:
    """Notifications since the scheduler last took them, as reasons to act."""

    dags: bool = False
    runs: bool = False
    #: slots of a pool may be free
    slots: bool = False
    #: (dag_id, run_id) of runs to look at; no run_id: all runs of the Dag
    changed: set[tuple[str, str]] = field(default_factory=set)
    other: bool = False
    #: a scheduler is no more
    jobs: bool = False
    #: attempts have no process any more
    lost: bool = False
    #: messages that were taken from the broker may have been lost
    messages: bool = False
    #: notifications may have been missed
    everything: bool = False

    def __bool__(self) -> bool:
        some = self.dags or self.runs or self.slots or self.changed or self.other
        return bool(some or self.jobs or self.lost or self.messages or self.everything)

    def hear(self, channel: str, payload: str) -> None:
        """Add one notification."""
        if channel == JOBS:
            self.jobs = True
            return
        if channel == LOST:
            self.lost = True
            self.messages |= bool(payload)
            return
        if payload:
            dag_id, _, run_id = payload.partition(SEPARATOR)
            self.changed.add((dag_id, run_id))
        if channel == DAGS:
            self.dags = True
        elif channel == RUNS:
            self.runs = True
        elif channel == TASKS:
            self.slots = True
        else:
            self.other = True


class NotificationListener:
    """One connection that listens, opened when it is first needed and reopened when it is lost.

    ``url`` is what libpq understands. ``clock`` is in seconds; ``sleep`` waits while there is no connection.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url
        self._clock = clock
        self._sleep = sleep
        self._connection: psycopg.Connection[Any] | None = None
        self._news = News()
        self._of_releases: list[str] = []
        self._failures = 0
        self._next_attempt = clock()
        self._told = False
        #: when it was seen that the database has all triggers
        self._looked = float("-inf")

    @property
    def listening(self) -> bool:
        """Whether notifications arrive now."""
        return self._connection is not None

    @property
    def has_news(self) -> bool:
        """Whether there are notifications that nobody took yet."""
        return bool(self._news)

    def wait(self, seconds: float) -> None:
        """Wait for news, at most so many seconds; without a connection, exactly so many."""
        began = self._clock()
        if self._connection is None and began >= self._next_attempt:
            self._connect()
        if self._connection is None:
            self._sleep(seconds)
            return
        remaining = 0.0 if self._news else max(0.0, seconds - (self._clock() - began))
        self._read(remaining)

    def take(self) -> News:
        """Return the news since the last call, up to this moment."""
        if self._connection is not None:
            self._read(0.0)
        if self._connection is not None and self._clock() - self._looked >= LOOK_SECONDS:
            self._look(self._connection)
        taken, self._news = self._news, News()
        return taken

    def take_releases(self) -> tuple[str, ...]:
        """Return the payloads about releases since the last call; they are no reason for a pass of the scheduler."""
        taken, self._of_releases = self._of_releases, []
        return tuple(taken)

    def fetch(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        """Return the rows of a small query over the same connection; None while there is no connection."""
        if self._connection is None:
            return None
        try:
            rows = self._connection.execute(query, parameters).fetchall()
            # What arrived with the answer makes the socket readable no more: waiting for it would find nothing.
            self._hear_all(self._connection)
            return rows
        except psycopg.OperationalError as error:
            self._lost(error)
            return None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        try:
            connection = self._open()
        except psycopg.Error as error:
            self._lost(error)
            return
        if self._told:
            log.warning("Notifications of the database arrive again")
        self._connection, self._told, self._failures = connection, False, 0
        self._news.everything = True

    def _open(self) -> psycopg.Connection[Any]:
        """Open a connection that listens, to a database with all triggers. Raises psycopg.Error."""
        connection = psycopg.connect(self._url, autocommit=True, application_name="airfleet wake-ups", **CLIENT)
        try:
            triggers.restore(connection)
            self._looked = self._clock()
            if not notification_triggers.installed(connection):
                raise psycopg.OperationalError(
                    "the database lacks triggers for notifications; 'airfleet up' creates them"
                )
            for channel in CHANNELS:
                connection.execute(f"LISTEN {channel}".encode())
        except BaseException:
            connection.close()
            raise
        return connection

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        """Restore triggers that somebody removed meanwhile."""
        self._looked = self._clock()
        try:
            self._news.everything |= triggers.restore(connection)
        except psycopg.Error as error:
            self._lost(error)

    def _read(self, seconds: float) -> None:
        connection = self._connection
        assert connection is not None
        try:
            # Not psycopg's own wait, which looks for signals ten times a second.
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN)
            if poller.poll(seconds * 1000):
                self._hear_all(connection)
        except psycopg.Error as error:
            self._lost(error)

    def _hear_all(self, connection: psycopg.Connection[Any]) -> None:
        for note in connection.notifies(timeout=0):
            if note.channel == RELEASES:
                self._of_releases.append(note.payload)
            else:
                self._news.hear(note.channel, note.payload)

    def _lost(self, error: psycopg.Error) -> None:
        self.close()
        self._failures += 1
        self._next_attempt = self._clock() + RECONNECT_BACKOFF.delay(self._failures)
        if not self._told:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            log.warning("No notifications from the database, so the scheduler polls once a second: %s", reason)
            self._told = True
