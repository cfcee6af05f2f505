"""Flights, workloads that were sent and are not known to be over, and the verdict on an answer about one.

The verdict is a value, and :class:`airfleet.scheduler.executor.FleetExecutor` acts on it::

    the result backend says          the flight                       verdict
    nothing, or not yet ready        a callback silent for too long   BEGINS_AGAIN
                                     any other                        GOES_ON
    success                                                           ENDED
    failure                          a callback, its worker alive     ENDED
                                     queued: it could not begin       BEGINS_AGAIN
                                     any, its release is elsewhere    BEGINS_AGAIN
                                     runs, and the failure is its own ENDED
                                     runs; of a second message        GOES_ON

A flight that has begun again often enough has ENDED instead, unless it waits for its release.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow.utils.state import TaskInstanceState
from celery import states as celery_states

from airfleet.backoff import Backoff
from airfleet.worker.result_backend import had_begun, release_was_away, worker_was_lost

if TYPE_CHECKING:
    from uuid import UUID

    from airflow.executors.workloads import ExecuteCallback

#: requeues of an attempt that could not begin: for four minutes, on any of many workers
MOST_UNBEGUN = 8
#: before a requeue
UNBEGUN_BACKOFF = Backoff(first=2.0, most=60.0)
#: reruns of a callback that lost its worker: it may be what kills it
MOST_CALLBACK_LOSSES = 2
#: queries for a sign of a callback's worker, a second apart, before none means that the worker is gone
MOST_SILENT_LOOKS = 15

#: the reason that people see for a callback without a worker
SILENT_WORKER = "its worker is not heard of any more"
LOST_TOO_OFTEN = "It was lost with its worker too often"


@dataclass
class Flight:
    """A workload that was sent and is not known to be over."""

    #: of the Celery message
    celery_id: str
    #: of the task instance; None for a callback
    ti_id: UUID | None
    #: when the result backend may be asked, by the monotonic clock
    ask_at: float
    #: cleared while it ran: its worker ends it, and how it ends does not matter
    restarting: bool = False
    #: its last known state in the database
    state: str | None = TaskInstanceState.QUEUED
    #: times that it could not begin; of a callback, times that it was lost with its worker
    unbegun: int = 0
    #: a callback, and its queue, to be sent again
    callback: tuple[ExecuteCallback, str] | None = None
    #: the last sign of the worker that runs the callback; None before the first
    beat: int | None = None
    #: queries since then that found no other sign
    silent_looks: int = 0
    #: the release for want of which a worker gave its message back, if one did
    awaits: str | None = None

    @property
    def most_unbegun(self) -> int:
        """The requeues that it gets."""
        return MOST_CALLBACK_LOSSES if self.callback else MOST_UNBEGUN

    def hear(self, beat: int) -> None:
        """Take note of a sign of the worker that runs this callback; the same sign again is silence."""
        self.silent_looks = 0 if beat != self.beat else self.silent_looks + 1
        self.beat = beat

    def backoff_seconds(self) -> float:
        """Return the pause before the next requeue."""
        return UNBEGUN_BACKOFF.delay(self.unbegun)


class Verdict(Enum):
    """The next step of a flight."""

    GOES_ON = "goes on"
    BEGINS_AGAIN = "begins again"
    ENDED = "ended"


@dataclass(frozen=True)
class Judgement:
    """A verdict; of a flight that has ended, its state in Celery and what Airflow is told of it."""

    verdict: Verdict
    state: str = celery_states.FAILURE
    info: Any = None


_GOES_ON = Judgement(Verdict.GOES_ON)


def judge(flight: Flight, state: str | None, info: Any, failure: Any = None) -> Judgement:
    """Judge a flight by the answer of the result backend; ``failure`` is the error behind a state FAILURE."""
    if state is None or state not in celery_states.READY_STATES:
        return _judge_silence(flight)
    if state == celery_states.FAILURE and not _is_its_own(flight, failure):
        if flight.state != TaskInstanceState.QUEUED:
            return _GOES_ON
        if flight.unbegun < flight.most_unbegun or release_was_away(failure):
            return Judgement(Verdict.BEGINS_AGAIN, info=failure)
    # "Success" is how Airflow is told that a cleared task is over and may be tried again.
    return Judgement(Verdict.ENDED, celery_states.SUCCESS if flight.restarting else state, info)


def _judge_silence(flight: Flight) -> Judgement:
    if flight.silent_looks < MOST_SILENT_LOOKS:
        return _GOES_ON
    if flight.unbegun < flight.most_unbegun:
        return Judgement(Verdict.BEGINS_AGAIN, info=SILENT_WORKER)
    return Judgement(Verdict.ENDED, info=LOST_TOO_OFTEN)


def _is_its_own(flight: Flight, failure: Any) -> bool:
    """Tell whether a failure is of the attempt itself, and not of a message that did not begin it."""
    if flight.ti_id is None:
        return not worker_was_lost(failure) and not release_was_away(failure)
    return flight.state != TaskInstanceState.QUEUED and had_begun(failure)
