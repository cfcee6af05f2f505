"""What must hold whatever broke: a pure function from a history to what is wrong with it.

The numbers are those of the fault matrix. I7 (nobody had to lend a hand), I9 (no secret was written down) and I10 (the
API answers) are not seen in a history; who breaks things looks at them.

==== ==========================================================================================
I1   no run is lost: each ends, and as its tasks' outcomes say
I2   an attempt is started once at the most
I3   two attempts at one task do not run at the same time
I4   a task that was completed is not run again, nor recorded as failed
I5   what broke costs no retry and fails nothing: only a task's own error does
I6   a callback that is wanted runs at least once
I8   tasks on hosts that nothing happened to go on to their end
I11  work goes on: soon after the last fault as much is done as before the first
==== ==========================================================================================
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airfleet.testing.history import Event, History, Note, Run, Task

_FINAL = ("success", "failed")
_LOSING = ("failed", "up_for_retry")
#: the share of what was done before that has to be done afterwards
_AS_MUCH = 0.9


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong."""

    invariant: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.sentence}"


def violations(history: History, overlap_seconds: float = 0.0) -> tuple[Violation, ...]:
    """Everything that is wrong; ``overlap_seconds`` for which two attempts at a task may run at once (I3)."""
    rules = (
        ("I1", _lost_runs(history)),
        ("I2", _started_twice(history)),
        ("I3", _overlapping(history, overlap_seconds)),
        ("I4", _completed_and_again(history)),
        ("I5", _blamed(history)),
        ("I6", _untold(history)),
        ("I8", _bystanders(history)),
    )
    return tuple(Violation(name, sentence) for name, sentences in rules for sentence in sentences)


def standstill(history: History, settle_seconds: float, window_seconds: float) -> tuple[Violation, ...]:
    """I11 under steady load: tasks that ended in a window before the first fault, and in one after the last."""
    if not history.faults:
        return ()
    first = min(fault.began for fault in history.faults)
    again = max(fault.ended for fault in history.faults) + settle_seconds
    before = _ended_between(history, first - window_seconds, first)
    after = _ended_between(history, again, again + window_seconds)
    if before == 0:
        return (Violation("I11", f"no task ended in the {window_seconds:g} s before the first fault"),)
    if after < _AS_MUCH * before:
        sentence = f"{before} tasks ended in {window_seconds:g} s before, {after} in as many seconds afterwards"
        return (Violation("I11", sentence),)
    return ()


def _ended_between(history: History, begin: float, end: float) -> int:
    return sum(note.event == Event.END and begin <= note.at < end for note in history.notes)


def _lost_runs(history: History) -> Iterator[str]:
    ended = {note.task for note in history.notes if note.event == Event.END}
    raised = {note.task.run for note in history.notes if note.event == Event.RAISED}
    for run, tasks in history.asked.items():
        state = history.states.get(run)
        if state is None:
            yield f"run {run} is not in the database"
        elif state not in _FINAL:
            yield f"run {run} is still {state}"
        elif state == "success" and (missing := tasks - ended):
            yield f"run {run} succeeded, and {_some(missing)} never came to its end"
        elif state == "failed" and run not in raised:
            yield f"run {run} failed, and none of its tasks raised an error"


def _started_twice(history: History) -> Iterator[str]:
    for attempt, notes in _by_attempt(history.notes).items():
        starts = [note for note in notes if note.event == Event.START]
        if len(starts) > 1:
            where = " and ".join(f"pid {note.pid} on {note.host}" for note in starts)
            yield f"attempt {attempt} at {starts[0].task} started {len(starts)} times: {where}"


def _overlapping(history: History, allowed: float) -> Iterator[str]:
    for task, spans in _spans(history).items():
        for (_, end, one), (begin, _, other) in itertools.pairwise(sorted(spans)):
            if end - begin > allowed:
                yield f"{task} ran {end - begin:.3f} s in two processes at once, {one} and {other}"


def _spans(history: History) -> dict[Task, list[tuple[float, float, str]]]:
    """Of each task: from when to when each process was seen to run, and which it was."""
    seen: dict[tuple[Task, str, int], list[float]] = defaultdict(list)
    for note in history.notes:
        if note.event != Event.CALLBACK:
            seen[note.task, note.host, note.pid].append(note.at)
    spans: dict[Task, list[tuple[float, float, str]]] = defaultdict(list)
    for (task, host, pid), times in seen.items():
        spans[task].append((min(times), max(times), f"pid {pid} on {host}"))
    return spans


def _completed_and_again(history: History) -> Iterator[str]:
    completed: dict[Task, Note] = {}
    for note in sorted(history.notes, key=lambda note: note.at):
        if note.event == Event.START and note.task in completed:
            yield f"{note.task} was completed, and started again {note.at - completed[note.task].at:.3f} s later"
        elif note.event == Event.END:
            completed.setdefault(note.task, note)
    for change in history.changes:
        if change.state in _LOSING and change.task in completed and change.at >= completed[change.task].at:
            yield f"{change.task} was completed, and is recorded as {change.state}"


def _blamed(history: History) -> Iterator[str]:
    raised = {note.attempt for note in history.notes if note.event == Event.RAISED}
    for change in history.changes:
        if change.state in _LOSING and change.attempt not in raised:
            yield f"try {change.try_number} of {change.task} is recorded as {change.state}, and raised no error"
    for task, notes in _by_task(history.notes).items():
        last = max((note.try_number for note in notes if note.event == Event.START), default=1)
        own = len({note.attempt for note in notes if note.event == Event.RAISED})
        if last > 1 + own:
            yield f"{task} came to its try {last}, and raised {own} errors"


def _untold(history: History) -> Iterator[str]:
    told = {note.task for note in history.notes if note.event == Event.CALLBACK}
    for task in sorted(history.callbacks - told):
        yield f"no callback of {task} ran"


def _bystanders(history: History) -> Iterator[str]:
    hurt = frozenset[str]().union(*(fault.hosts for fault in history.faults))
    for attempt, notes in _by_attempt(history.notes).items():
        events = {note.event for note in notes}
        healthy = [note for note in notes if note.event == Event.START and note.host not in hurt]
        if healthy and not events & {Event.END, Event.RAISED}:
            yield f"attempt {attempt} at {healthy[0].task} did not come to its end on {healthy[0].host}, which was well"


def _by_attempt(notes: Iterable[Note]) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        found[note.attempt].append(note)
    return found


def _by_task(notes: Iterable[Note]) -> dict[Task, list[Note]]:
    found: dict[Task, list[Note]] = defaultdict(list)
    for note in notes:
        found[note.task].append(note)
    return found


def _some(tasks: Iterable[Task]) -> str:
    first, *rest = sorted(tasks)
    return f"{first} and {len(rest)} more" if rest else str(first)


def runs_of(tasks: Iterable[Task]) -> dict[Run, frozenset[Task]]:
    """Tasks by the run they belong to."""
    found: dict[Run, set[Task]] = defaultdict(set)
    for task in tasks:
        found[task.run].add(task)
    return {run: frozenset(of_run) for run, of_run in found.items()}
