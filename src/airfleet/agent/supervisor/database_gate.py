"""The database gate: no first start before the database is fit, no restart while it is away.

A scheduler or a dag-processor ends when the database is away, or takes nothing more because its disk is full;
restarted, it would end again, and be given up at last for no fault of its own. So one that was ready and died is
restarted when the database has answered a question asked after its death; until then, deaths are not counted. A
question costs one connection, from a thread, and is asked at no other time.

Before the first start the database is checked more thoroughly (:class:`FitnessCheck`), again and again while it may
yet become fit; then no more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from airfleet.agent.database.finding import DatabaseFinding, DatabaseVerdict
from airfleet.system.connection_timeouts import CLIENT

#: between two questions while there is no answer, seconds
PAUSE_SECONDS = 0.5
#: between two looks when somebody has to do something first
LONG_PAUSE_SECONDS = 5.0
#: needs a place on the disk for something new, which is what a full one lacks (and a standby that was not promoted)
_TAKE_ROOM = "CREATE TEMPORARY TABLE airfleet_room ON COMMIT DROP AS SELECT 1 AS taken"


class DatabaseProbe:
    """Asks one database. ``wake`` is called, from a thread, after each answer."""

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self._url = url
        self._wake = wake
        self._answers: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self._asked_at = float("-inf")
        self._in_flight = False
        self._well_at = float("-inf")
        #: why it is of no use; empty when it is, or was never asked
        self.trouble = ""

    def answered_since(self, moment: float, now: float) -> bool:
        """Tell whether it answered a question asked after this moment; ask one when it did not.

        Times are seconds of the caller's clock.
        """
        if not self._url:
            return True
        self._hear()
        if self._well_at >= moment:
            return True
        if not self._in_flight and (self._asked_at < moment or now - self._asked_at >= PAUSE_SECONDS):
            self._in_flight, self._asked_at = True, now
            threading.Thread(target=self._ask, args=(now,), name="database watch", daemon=True).start()
        return False

    def _hear(self) -> None:
        while not self._answers.empty():
            asked_at, self.trouble = self._answers.get()
            self._in_flight = False
            if not self.trouble:
                self._well_at = asked_at

    def _ask(self, asked_at: float) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True, **CLIENT) as connection:
                _ask_for_room(connection)
            trouble = ""
        except (OSError, psycopg.Error) as error:
            trouble = (str(error).strip().splitlines() or [type(error).__name__])[0]
        self._answers.put((asked_at, trouble))
        self._wake()


def _ask_for_room(connection: psycopg.Connection[Any]) -> None:
    """Take room on the database's disk. Raises psycopg.Error when there is none."""
    with suppress(psycopg.errors.InsufficientPrivilege):  # then it cannot be known, and it did answer
        connection.execute(_TAKE_ROOM)


@dataclass
class DatabaseGate:
    """Open once this host may use the database; until then nothing that would is started, and nothing written."""

    probe: DatabaseProbe
    check: FitnessCheck
    clock: Callable[[], float]
    is_open: bool

    @property
    def finding(self) -> DatabaseFinding | None:
        """Return the last finding that keeps the gate closed."""
        return None if self.is_open else self.check.finding

    def look(self) -> bool:
        """Open the gate when the database is fit; tell whether there is another finding than before."""
        if self.is_open:
            return False
        before = self.check.finding
        self.is_open = self.check.is_fit(self.clock())
        return self.check.finding != before

    def answered_since(self, moment: float) -> bool:
        """Tell whether the database answered a question asked after ``moment``; ask one when it did not."""
        return self.probe.answered_since(moment, self.clock())

    @property
    def trouble(self) -> str:
        """Return the last error of the database; empty when it answered."""
        return self.probe.trouble


class FitnessCheck:
    """Checks whether a database is fit. ``look`` may block; ``wake`` is called, from a thread, after each look."""

    def __init__(self, look: Callable[[], DatabaseFinding], wake: Callable[[], None]) -> None:
        self._look = look
        self._wake = wake
        self._answers: queue.SimpleQueue[DatabaseFinding] = queue.SimpleQueue()
        self._asked_at = float("-inf")
        self._in_flight = False
        #: the last answer; None before the first
        self.finding: DatabaseFinding | None = None

    def is_fit(self, now: float) -> bool:
        """Tell whether it is; check while it is not. ``now`` counts seconds."""
        while not self._answers.empty():
            self.finding, self._in_flight = self._answers.get(), False
        if self.finding is not None and self.finding.verdict is DatabaseVerdict.FIT:
            return True
        pause = LONG_PAUSE_SECONDS if self.finding is not None and self.finding.is_final else PAUSE_SECONDS
        if not self._in_flight and now - self._asked_at >= pause:
            self._in_flight, self._asked_at = True, now
            threading.Thread(target=self._ask, name="first look at the database", daemon=True).start()
        return False

    def _ask(self) -> None:
        self._answers.put(self._look())
        self._wake()
