"""Asks an API a small question of its database again and again: how long nobody answered is known to a quarter second.

The load of an experiment asks for runs, once a second, and each takes its time. Several ask in turn, so that one whose
question was lost on its way does not keep the others from asking.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from airfleet.drill.dags import ApiReader
from airfleet.drill.load_generator import answers_of
from airfleet.drill.records import ApiAnswer
from airfleet.errors import FleetError

#: between two questions, where answers come at once
PAUSE_SECONDS = 0.25
ASKERS = 3


class ApiProbe:
    """Threads of its own, between ``start`` and ``stop``. Times by the monotonic clock."""

    def __init__(self, api: ApiReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"probe {number}", daemon=True)
            for number in range(ASKERS)
        ]
        self._lock = threading.Lock()
        self._answers: tuple[ApiAnswer, ...] = ()

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    @property
    def answers(self) -> tuple[ApiAnswer, ...]:
        """Whether each question was answered, and when it was asked."""
        with self._lock:
            return self._answers

    def _run(self, number: int) -> None:
        self._end.wait(number * PAUSE_SECONDS)
        while not self._end.wait(ASKERS * PAUSE_SECONDS):
            began = self._clock()
            answered = self._ask()
            with self._lock:
                self._answers += answers_of(began, self._clock(), answered=answered)

    def _ask(self) -> bool:
        try:
            self._api.get("pools", "default_pool")
        except FleetError:
            return False
        return True
