"""Stopwatches: the seconds from a fault to a recovery, as pure functions of the history.

Each takes the history so far and one injection, and gives seconds, or None until the recovery is over. A fault from
which nothing suffered gives :data:`UNHURT`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import TypeAlias

from airfleet.drill.records import History, Injection, Note, NoteKind, StateChange, TaskKey

#: an API that has answered for so long is held to be back
SURE_SECONDS = 3.0
#: there was nothing to recover
UNHURT = 0.0
_FINAL = ("success", "failed", "skipped", "upstream_failed")
_IN_LINE = ("scheduled", "queued")
_LIVE = ("queued", "running", "deferred")
#: notes of an attempt that has begun
_SIGNS = (NoteKind.START, NoteKind.END)


Stopwatch: TypeAlias = Callable[[History, Injection], float | None]


def dispatch(history: History, injection: Injection) -> float | None:
    """Measure from the healing to the first start of a task that was not sent before it."""
    sent_before = {one.attempt for one in history.changes if one.state == "queued" and one.at < injection.ended}
    return _least(_starts(history, injection.ended, without=sent_before), injection.ended)


def since(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the first start of a task that was not sent before it was healed."""
    seconds = dispatch(history, injection)
    return None if seconds is None else seconds + injection.ended - injection.began


def first_accepted(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the first start of a task of a run that Airflow accepted after it."""
    new = {run for run, at in history.accepted.items() if at > injection.began}
    return _least([note for note in _starts(history, injection.began) if note.task.run in new], injection.began)


def healthy(history: History, injection: Injection) -> float | None:
    """Measure from the fault until the agent reports that every component is healthy."""
    return None if history.healthy_at is None else history.healthy_at - injection.began


def first_of_waiting(history: History, injection: Injection) -> float | None:
    """Measure from the healing to the first start of a task that was queued during the fault, and could not be sent."""
    waited = {
        one.attempt for one in history.changes if one.state == "queued" and injection.began <= one.at < injection.ended
    }
    return _least([n for n in _starts(history, injection.ended) if n.attempt in waited], injection.ended)


def dispatch_of_waiting(history: History, injection: Injection) -> float | None:
    """Measure from the healing to the start of the last task that waited in the queue at that time.

    One that had been deferred goes on where it was: it starts no second time, and is seen when it ends.
    """
    begun = {note.attempt for note in history.notes if note.event in _SIGNS and note.at < injection.ended}
    then = _states_at(history.changes, injection.ended)
    waiting = {task for task, last in then.items() if last.state == "queued" and last.attempt not in begun}
    return _slowest(waiting, _first_signs(history, injection.ended), injection.ended)


def rerun(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the new start of the last task whose attempt died by it."""
    ended = {note.attempt for note in history.notes if note.event in (NoteKind.END, NoteKind.RAISED)}
    died = {
        note.task: note.attempt
        for note in history.notes
        if note.event == NoteKind.START and note.attempt in injection.attempts and note.attempt not in ended
    }
    again = _first_starts(history, injection.began, without=frozenset(died.values()))
    return _slowest(set(died), again, injection.began)


def fenced(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the last sign of life of an attempt that it had to end."""
    signs = [note.at for note in history.notes if note.attempt in injection.attempts and note.at > injection.began]
    return max(signs, default=injection.began) - injection.began


def watch(history: History, injection: Injection) -> float | None:
    """Measure from the fault until a living scheduler looks after every task of the dead one.

    As long as nobody knows that a scheduler is dead, nobody looks after its tasks, also where they all have ended
    meanwhile. A task that ends before anybody took it over counts until then.
    """
    known = [at for at in history.gone.values() if at >= injection.began]
    if not known:
        return None
    orphans = _orphans(history, injection)
    over: dict[TaskKey, float] = {}
    for change in history.changes:
        if change.at > injection.began and change.task in orphans and change.task not in over:
            taken = change.job is not None and change.job not in history.gone
            if taken or change.state in _FINAL:
                over[change.task] = change.at
    full = _slowest(orphans, over, injection.began)
    return None if full is None else max(full, min(known) - injection.began)


def recorded(history: History, injection: Injection) -> float | None:
    """Measure from the healing until all tasks that ended during the fault are recorded as success."""
    done = {
        note.task
        for note in history.notes
        if note.event == NoteKind.END and injection.began <= note.at <= injection.ended
    }
    success = {one.task: one.at for one in history.changes if one.state == "success"}
    return _slowest(done, success, injection.ended)


def gap(history: History, injection: Injection) -> float | None:
    """Measure the longest time during the fault in which no task started."""
    starts = sorted(note.at for note in _starts(history, injection.began) if note.at <= injection.ended)
    return max(later - sooner for sooner, later in itertools.pairwise((injection.began, *starts, injection.ended)))


def resumed(history: History, injection: Injection) -> float | None:
    """Measure how late the last deferred task ended, after the fault or after its event."""
    states = _states_at(history.changes, injection.began)
    waiting = {task: one.at for task, one in states.items() if one.state == "deferred"}
    ends = {note.task: note.at for note in history.notes if note.event == NoteKind.END}
    if waiting.keys() - ends.keys():
        return None
    events = {task: at + history.seconds.get(task.run, 0.0) for task, at in waiting.items()}
    return max((ends[task] - max(injection.began, at) for task, at in events.items()), default=UNHURT)


def callbacks(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the last of the callbacks that have to run."""
    told: dict[TaskKey, float] = {}
    for note in history.notes:
        if note.event == NoteKind.CALLBACK:
            told.setdefault(note.task, note.at)
    return _slowest(set(history.callbacks), told, injection.began)


def answering(history: History, injection: Injection) -> float | None:
    """Measure from the fault to the first answer of the API after which none failed, known some seconds later."""
    later = sorted((one for one in history.answers if one.at > injection.began), key=lambda one: one.at)
    if not later or later[-1].at < injection.ended + SURE_SECONDS:
        return None
    last_failure = max((one.at for one in later if not one.answered), default=injection.began)
    well = (one.at + one.took for one in later if one.answered and one.at >= last_failure)
    answered = next(well, None)
    return None if answered is None else answered - injection.began


def backlog(history: History) -> frozenset[TaskKey]:
    """Give the tasks that wait for a slot by the last that is known of them."""
    last = _states_at(history.changes, math.inf)
    return frozenset(task for task, change in last.items() if change.state in _IN_LINE)


def _orphans(history: History, injection: Injection) -> set[TaskKey]:
    return {
        task
        for task, change in _states_at(history.changes, injection.began).items()
        if change.state in _LIVE and change.job in history.gone
    }


def _states_at(changes: Iterable[StateChange], at: float) -> dict[TaskKey, StateChange]:
    return {change.task: change for change in changes if change.at <= at}


def _starts(history: History, after: float, without: Iterable[str] = ()) -> list[Note]:
    left_out = set(without)
    return [n for n in history.notes if n.event == NoteKind.START and n.at >= after and n.attempt not in left_out]


def _first_starts(history: History, after: float, without: frozenset[str] = frozenset()) -> dict[TaskKey, float]:
    found: dict[TaskKey, float] = {}
    for note in _starts(history, after, without):
        found.setdefault(note.task, note.at)
    return found


def _first_signs(history: History, after: float) -> dict[TaskKey, float]:
    found: dict[TaskKey, float] = {}
    for note in history.notes:
        if note.event in _SIGNS and note.at >= after:
            found[note.task] = min(note.at, found.get(note.task, note.at))
    return found


def _least(notes: Iterable[Note], since: float) -> float | None:
    return min((note.at - since for note in notes), default=None)


def _slowest(wanted: set[TaskKey], at: dict[TaskKey, float], since: float) -> float | None:
    """Measure until the last of the wanted tasks; None while one is missing."""
    if wanted - at.keys():
        return None
    return max((at[task] - since for task in wanted), default=UNHURT)
