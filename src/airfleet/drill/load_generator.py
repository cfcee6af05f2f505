"""A steady load on any Airflow: the runs of a mix are asked for tick by tick, whatever breaks.

Each run gets its id here. A request without an answer is repeated with the same id, so that a run is asked for once.
Every run that Airflow accepted is in its database, or Airflow lost it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from airfleet.client.api_client import Api, ApiError
from airfleet.drill.records import ApiAnswer, RunKey
from airfleet.drill.workload import RunRequest
from airfleet.errors import FleetError

#: an answer that takes longer counts as none
SLOW_SECONDS = 2.0
#: the API's status for a run whose id exists
_CONFLICT = 409


class RunMix(Protocol):
    """The runs of a load, tick by tick."""

    @property
    def tick_seconds(self) -> float:
        """Give the seconds from one tick to the next."""

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        """Give the runs of one tick."""


class LoadGenerator:
    """A thread that asks for runs between ``start`` and ``stop``; times by the monotonic clock."""

    def __init__(self, api: Api, mix: RunMix, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._mix = mix
        self._label = label
        self._clock = clock
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"load {label}", daemon=True)
        self._lock = threading.Lock()
        self._waiting: deque[RunRequest] = deque()
        self._asked: list[RunRequest] = []
        self._accepted: dict[RunKey, float] = {}
        self._answers: list[ApiAnswer] = []

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for no new run."""
        self._end.set()
        self._thread.join()

    def ask(self, runs: Iterable[RunRequest]) -> None:
        """Ask for these runs, too, as soon as possible."""
        with self._lock:
            self._waiting.extend(runs)

    @property
    def asked(self) -> tuple[RunRequest, ...]:
        """Give the runs that Airflow accepted."""
        with self._lock:
            return tuple(self._asked)

    @property
    def accepted(self) -> Mapping[RunKey, float]:
        """Give the time at which Airflow accepted each run."""
        with self._lock:
            return dict(self._accepted)

    @property
    def answers(self) -> tuple[ApiAnswer, ...]:
        """Give the answer to each question."""
        with self._lock:
            return tuple(self._answers)

    def settle(self, seconds: float) -> int:
        """Ask for the runs that still wait after ``stop``, and count those that nobody accepted."""
        deadline = self._clock() + seconds
        while self._waiting and self._clock() < deadline:
            self._send()
            time.sleep(0.1)
        return len(self._waiting)

    def _run(self) -> None:
        began, tick = self._clock(), 0
        while not self._end.is_set():
            if self._clock() >= began + tick * self._mix.tick_seconds:
                self.ask(self._mix.at(self._label, tick))
                tick += 1
            self._send()
            self._end.wait(0.1)

    def _send(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    return
                one = self._waiting[0]
            began = self._clock()
            answered = self._ask_for(one)
            with self._lock:
                self._answers += answers_of(began, self._clock(), answered=answered)
                if not answered:
                    return
                self._waiting.remove(one)
                self._asked.append(one)
                self._accepted[one.run] = self._clock()

    def _ask_for(self, one: RunRequest) -> bool:
        body: dict[str, Any] = {"logical_date": None, "dag_run_id": one.run_id, "conf": dict(one.conf)}
        try:
            self._api.post("dags", one.dag_id, "dagRuns", body=body)
        except ApiError as refused:
            return refused.status == _CONFLICT
        except FleetError:
            return False
        return True


def answers_of(began: float, ended: float, *, answered: bool) -> tuple[ApiAnswer, ...]:
    """Record one question; one whose answer took too long was not answered all that time."""
    if ended - began <= SLOW_SECONDS:
        return (ApiAnswer(began, answered, ended - began),)
    return ApiAnswer(began, False), ApiAnswer(ended, False)
