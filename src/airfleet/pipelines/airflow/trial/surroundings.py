"""The surroundings of a case: its connections and variables, its moment, and how long it may take."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk.execution_time import macros

from airfleet.pipelines.cases.spec import Case

_FROM_OUTSIDE = ("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW_CTX_")


class TookTooLong(Exception):
    """The tasks of a case took longer than it allows."""


@contextmanager
def environment_of(case: Case) -> Iterator[None]:
    """Give tasks the connections of a case, and none of the machine; the environment is as it was afterwards."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(_FROM_OUTSIDE)]:
        del os.environ[name]
    os.environ |= {f"AIRFLOW_CONN_{name.upper()}": value for name, value in case.connections.items()}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        os.environ |= before


class Deadline:
    """The moment at which the tasks of a case have to be done. Only the main thread has one: others hear no signals.

    Airflow's own limit of a task (``execution_timeout``) takes the same alarm, so each task sets it again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.is_heard = threading.current_thread() is threading.main_thread()

    def arm(self) -> None:
        """Let a task be ended when the time is over. Raises TookTooLong when it is."""
        left = self.check()
        if self.is_heard:
            signal.signal(signal.SIGALRM, self._stop)
            signal.setitimer(signal.ITIMER_REAL, left)

    def check(self) -> float:
        """Say how many seconds are left. Raises TookTooLong when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            self._stop(0, None)
        return left

    def _stop(self, number: int, frame: object) -> None:
        raise TookTooLong(f"the tasks took longer than {self.seconds:g}s ('timeout')")


@contextmanager
def signals_kept() -> Iterator[None]:
    """Put back the handlers of signals that Airflow and a deadline set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in kept.items():
            signal.signal(number, handler)


class MacrosAt:
    """Airflow's ``macros`` at a moment: ``macros.datetime.now()`` is that moment. Everything else is Airflow's."""

    def __init__(self, now: dt.datetime) -> None:
        self.datetime = _stopped_clock(now)

    def __getattr__(self, name: str) -> Any:
        return getattr(macros, name)


def _stopped_clock(moment: dt.datetime) -> type[dt.datetime]:
    class Stopped(dt.datetime):
        """The class ``datetime`` of templates."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            """Give the moment of the case."""
            return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        @classmethod
        def utcnow(cls) -> Any:
            """Give the moment of the case, in UTC."""
            return moment.astimezone(dt.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            """Give the moment of the case."""
            return moment.replace(tzinfo=None)

    return Stopped
