"""Asks an API a small question of its database again and again: how long nobody answered is known to a quarter second.

The load of an experiment asks for runs, once a second, and each takes its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from airfleet.errors import FleetError
from airfleet.testing.dags import Gets
from airfleet.testing.history import Answer
from airfleet.testing.load import answers_of

PAUSE_SECONDS = 0.25


class Probe:
    """A thread of its own, between ``start`` and ``stop``. Times by the monotonic clock."""

    def __init__(self, api: Gets, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._answers: tuple[Answer, ...] = ()

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._end.set()
        self._thread.join()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Whether each question was answered, and when it was asked."""
        return self._answers

    def _run(self) -> None:
        while not self._end.wait(PAUSE_SECONDS):
            began = self._clock()
            answered = self._ask()
            self._answers += answers_of(began, self._clock(), answered=answered)

    def _ask(self) -> bool:
        try:
            self._api.get("pools", "default_pool")
        except FleetError:
            return False
        return True
