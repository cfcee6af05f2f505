"""How long it took until something was as before: pure functions of what the two witnesses said.

Each takes the evidence so far and the moment of a fault, and gives seconds, or None as long as it is not over. A fault
that nothing suffered from gives :data:`UNHURT`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from airfleet.drill.records import Answer, Change, Event, Note, Run, Task

#: an API that has answered for so long will go on
SURE_SECONDS = 3.0
#: there was nothing to recover
UNHURT = 0.0
_FINAL = ("success", "failed", "skipped", "upstream_failed")
_IN_LINE = ("scheduled", "queued")
_LIVE = ("queued", "running", "deferred")
#: what an attempt writes down that has begun
_SIGNS = (Event.START, Event.END)


@dataclass(frozen=True)
class Moment:
    """One fault as it happened; times by the monotonic clock."""

    name: str
    began: float
    #: when it was healed
    ended: float
    #: attempts that may suffer
    hurt: frozenset[str] = frozenset()
    silences: bool = False
    spares_schedulers: bool = False


@dataclass(frozen=True)
class Evidence:
    """What is known so far."""

    notes: tuple[Note, ...]
    changes: tuple[Change, ...]
    #: schedulers that have ended or are held for dead, by their jobs, and when it was seen
    gone: Mapping[int, float] = field(default_factory=dict)
    #: callbacks that have to run
    callbacks: frozenset[Task] = frozenset()
    answers: tuple[Answer, ...] = ()
    run_states: tuple[tuple[Run, str], ...] = ()
    #: when a scheduler was recorded as ended or dead
    given_up: tuple[float, ...] = ()
    #: for how long the tasks of a run were asked to run, or to wait
    seconds: Mapping[Run, float] = field(default_factory=dict)


Stopwatch: TypeAlias = Callable[[Evidence, Moment], float | None]


def dispatch(evidence: Evidence, moment: Moment) -> float | None:
    """From the healing to the first start of a task that was not sent before it."""
    sent_before = {one.attempt for one in evidence.changes if one.state == "queued" and one.at < moment.ended}
    return _least(_starts(evidence, moment.ended, without=sent_before), moment.ended)


def since(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault to the first start of a task that was not sent before it was healed."""
    seconds = dispatch(evidence, moment)
    return None if seconds is None else seconds + moment.ended - moment.began


def first_of_waiting(evidence: Evidence, moment: Moment) -> float | None:
    """From the healing to the first start of a task that was queued while things were broken, and could not be sent."""
    waited = {
        one.attempt for one in evidence.changes if one.state == "queued" and moment.began <= one.at < moment.ended
    }
    return _least([n for n in _starts(evidence, moment.ended) if n.attempt in waited], moment.ended)


def dispatch_of_waiting(evidence: Evidence, moment: Moment) -> float | None:
    """From the healing to the start of the last task that was queued, and had not started, while things were broken.

    One that had been deferred goes on where it was: it starts no second time, and is seen when it ends.
    """
    begun = {note.attempt for note in evidence.notes if note.event in _SIGNS and note.at < moment.ended}
    then = _states_at(evidence.changes, moment.ended)
    waiting = {task for task, last in then.items() if last.state == "queued" and last.attempt not in begun}
    return _slowest(waiting, _first_signs(evidence, moment.ended), moment.ended)


def rerun(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault until the last of the tasks whose attempts died by it has started again."""
    ended = {note.attempt for note in evidence.notes if note.event in (Event.END, Event.RAISED)}
    died = {
        note.task: note.attempt
        for note in evidence.notes
        if note.event == Event.START and note.attempt in moment.hurt and note.attempt not in ended
    }
    again = _first_starts(evidence, moment.began, without=frozenset(died.values()))
    return _slowest(set(died), again, moment.began)


def fenced(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault until the last sign of life of an attempt that was to be ended by it."""
    signs = [note.at for note in evidence.notes if note.attempt in moment.hurt and note.at > moment.began]
    return max(signs, default=moment.began) - moment.began


def watch(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault until a scheduler that lives looks after every task that the dead one looked after.

    As long as nobody knows that a scheduler is dead, nobody looks after its tasks, also where they all have ended
    meanwhile. A task that ends before anybody took it over counts until then.
    """
    known = [at for at in evidence.gone.values() if at >= moment.began]
    if not known:
        return None
    orphans = _orphans(evidence, moment)
    over: dict[Task, float] = {}
    for change in evidence.changes:
        if change.at > moment.began and change.task in orphans and change.task not in over:
            taken = change.job is not None and change.job not in evidence.gone
            if taken or change.state in _FINAL:
                over[change.task] = change.at
    full = _slowest(orphans, over, moment.began)
    return None if full is None else max(full, min(known) - moment.began)


def recorded(evidence: Evidence, moment: Moment) -> float | None:
    """From the healing until what tasks had done while things were broken is recorded as success."""
    done = {note.task for note in evidence.notes if note.event == Event.END and moment.began <= note.at <= moment.ended}
    success = {one.task: one.at for one in evidence.changes if one.state == "success"}
    return _slowest(done, success, moment.ended)


def gap(evidence: Evidence, moment: Moment) -> float | None:
    """The longest time, while things were broken, in which no task started."""
    starts = sorted(note.at for note in _starts(evidence, moment.began) if note.at <= moment.ended)
    return max(later - sooner for sooner, later in itertools.pairwise((moment.began, *starts, moment.ended)))


def resumed(evidence: Evidence, moment: Moment) -> float | None:
    """How late, at the most, a task has ended that waited for an event then: after the fault, or after the event."""
    states = _states_at(evidence.changes, moment.began)
    waiting = {task: one.at for task, one in states.items() if one.state == "deferred"}
    ends = {note.task: note.at for note in evidence.notes if note.event == Event.END}
    if waiting.keys() - ends.keys():
        return None
    events = {task: at + evidence.seconds.get(task.run, 0.0) for task, at in waiting.items()}
    return max((ends[task] - max(moment.began, at) for task, at in events.items()), default=UNHURT)


def callbacks(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault to the last of the callbacks that have to run."""
    told: dict[Task, float] = {}
    for note in evidence.notes:
        if note.event == Event.CALLBACK:
            told.setdefault(note.task, note.at)
    return _slowest(set(evidence.callbacks), told, moment.began)


def answering(evidence: Evidence, moment: Moment) -> float | None:
    """From the fault to the first answer of the API after which none failed; known when some seconds have passed."""
    later = sorted((one for one in evidence.answers if one.at > moment.began), key=lambda one: one.at)
    if not later or later[-1].at < moment.ended + SURE_SECONDS:
        return None
    last_failure = max((one.at for one in later if not one.answered), default=moment.began)
    well = (one.at + one.took for one in later if one.answered and one.at >= last_failure)
    answered = next(well, None)
    return None if answered is None else answered - moment.began


def backlog(evidence: Evidence) -> frozenset[Task]:
    """Give the tasks that wait for a slot by the last that is known of them."""
    last = _states_at(evidence.changes, math.inf)
    return frozenset(task for task, change in last.items() if change.state in _IN_LINE)


def _orphans(evidence: Evidence, moment: Moment) -> set[Task]:
    return {
        task
        for task, change in _states_at(evidence.changes, moment.began).items()
        if change.state in _LIVE and change.job in evidence.gone
    }


def _states_at(changes: Iterable[Change], at: float) -> dict[Task, Change]:
    return {change.task: change for change in changes if change.at <= at}


def _starts(evidence: Evidence, after: float, without: Iterable[str] = ()) -> list[Note]:
    left_out = set(without)
    return [n for n in evidence.notes if n.event == Event.START and n.at >= after and n.attempt not in left_out]


def _first_starts(evidence: Evidence, after: float, without: frozenset[str] = frozenset()) -> dict[Task, float]:
    found: dict[Task, float] = {}
    for note in _starts(evidence, after, without):
        found.setdefault(note.task, note.at)
    return found


def _first_signs(evidence: Evidence, after: float) -> dict[Task, float]:
    found: dict[Task, float] = {}
    for note in evidence.notes:
        if note.event in _SIGNS and note.at >= after:
            found[note.task] = min(note.at, found.get(note.task, note.at))
    return found


def _least(notes: Iterable[Note], since: float) -> float | None:
    return min((note.at - since for note in notes), default=None)


def _slowest(wanted: set[Task], at: dict[Task, float], since: float) -> float | None:
    """Until the last of those that are wanted; None while one is missing."""
    if wanted - at.keys():
        return None
    return max((at[task] - since for task in wanted), default=UNHURT)
