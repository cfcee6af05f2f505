"""The invariants of every fault: a pure function from a history to its violations.

The numbers are those of the fault matrix. The runner of the experiment sees I7 and I9, and writes them into history.

- I1: no run is lost; each ends, and as the outcomes of its tasks say
- I2: an attempt is started once at the most
- I3: two attempts at one task do not run at the same time
- I4: a task that was completed is not run again, nor recorded as failed
- I5: a fault costs no retry and fails nothing; only a task's own error does
- I6: a callback that is wanted runs at least once
- I7: nobody has to help
- I8: tasks beside the fault go on to their end
- I9: no secret stands in a log
- I10: the API answers within seconds, except while no api-server is left
- I11: work goes on; soon after the last fault as much is done as before the first
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from airfleet.drill.records import History, Note, NoteKind, RunKey, StateChange, TaskKey
from airfleet.drill.workload import LINKS, MAPS

_FINAL = ("success", "failed")
_LOSING = ("failed", "up_for_retry")
#: share of the work before a fault that has to be done after it; a burst may lie on the other side of an edge
_AS_MUCH, _ON_THE_EDGE = 0.9, LINKS + MAPS + 1


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, with the evidence as a sentence."""

    invariant: str
    sentence: str
    #: when, where that is known
    at: float | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.invariant}: {self.sentence}"


def violations(history: History, overlap_seconds: float = 0.0) -> tuple[Violation, ...]:
    """List the violations of I1 to I9; two attempts at a task may run at once for ``overlap_seconds`` (I3)."""
    rules = (
        ("I1", _lost_runs(history)),
        ("I1", _decided_twice(history)),
        ("I2", _started_twice(history)),
        ("I3", _overlapping(history, overlap_seconds)),
        ("I4", _completed_and_again(history)),
        ("I4", _recorded_twice(history)),
        ("I5", _blamed(history)),
        ("I6", _missing_callbacks(history)),
        ("I7", history.helped),
        ("I8", _bystanders(history)),
        ("I8", _given_up(history)),
        ("I9", history.leaks),
    )
    return tuple(Violation(name, sentence) for name, sentences in rules for sentence in sentences)


def silence(history: History, allowed_seconds: float = 2.0, return_seconds: float = 0.0) -> tuple[Violation, ...]:
    """List the violations of I10. After a fault that left no api-server the API has ``return_seconds`` to come back."""
    excused = [
        (injection.began, injection.ended + return_seconds) for injection in history.injections if injection.silences
    ]
    found: list[Violation] = []
    since: float | None = None
    for answer in sorted(history.answers, key=lambda answer: answer.at):
        if answer.answered or any(begin <= answer.at <= end for begin, end in excused):
            since = None
        elif since is None:
            since = answer.at
        elif answer.at - since > allowed_seconds:
            found = [one for one in found if one.at != since]
            found.append(Violation("I10", f"the API did not answer for {answer.at - since:.1f} s", since))
    return tuple(found)


def standstill(
    history: History,
    settle_seconds: float,
    window_seconds: float,
    is_steady: Callable[[RunKey], bool] = lambda run: True,
) -> tuple[Violation, ...]:
    """Check I11: as many tasks end in a window after the last fault as ended before the first one, under steady load.

    The count before is the mean of all that time, as some runs of the load come in bursts, which one window may miss.
    Runs beside the load count afterwards only: Airflow starts the most urgent of the waiting tasks first.
    """
    if not history.injections:
        return ()
    first = min(injection.began for injection in history.injections)
    again = max(injection.ended for injection in history.injections) + settle_seconds
    ended = [note for note in history.notes if note.event == NoteKind.END]
    quiet = [note.at for note in ended if note.at < first and is_steady(note.task.run)]
    if not quiet:
        return (Violation("I11", "no task ended before the first fault"),)
    before = len(quiet) / max(first - min(quiet), window_seconds) * window_seconds
    after = sum(again <= note.at < again + window_seconds for note in ended)
    if after + _ON_THE_EDGE < _AS_MUCH * before:
        sentence = f"{before:.0f} tasks ended in {window_seconds:g} s before, {after} in as many seconds afterwards"
        return (Violation("I11", sentence),)
    return ()


def _lost_runs(history: History) -> Iterator[str]:
    ended = {note.task for note in history.notes if note.event == NoteKind.END}
    raised = {note.task.run for note in history.notes if note.event == NoteKind.RAISED}
    for run, tasks in history.asked.items():
        state = history.states.get(run)
        if state is None:
            yield f"run {run} is not in the database"
        elif state not in _FINAL:
            yield f"run {run} is still {state}"
        elif state == "success" and not tasks:
            yield f"run {run} succeeded, and was to raise an error"
        elif state == "success" and (missing := tasks - ended):
            yield f"run {run} succeeded, and {_some(missing)} never came to its end"
        elif state == "failed" and run not in raised:
            yield f"run {run} failed, and none of its tasks raised an error"


def _decided_twice(history: History) -> Iterator[str]:
    decided: dict[RunKey, str] = {}
    for run, state in history.run_states:
        if state in _FINAL and decided.setdefault(run, state) != state:
            yield f"run {run} is recorded as {decided[run]}, and later as {state}"


def _started_twice(history: History) -> Iterator[str]:
    for attempt, notes in _by_attempt(history.notes).items():
        starts = [note for note in notes if note.event == NoteKind.START]
        if len(starts) > 1:
            where = " and ".join(f"pid {note.pid} on {note.host}" for note in starts)
            yield f"attempt {attempt} at {starts[0].task} started {len(starts)} times: {where}"


def _overlapping(history: History, allowed: float) -> Iterator[str]:
    for task, spans in _spans(history).items():
        for (_, end, one), (begin, _, other) in itertools.pairwise(sorted(spans)):
            if end - begin > allowed:
                yield f"{task} ran {end - begin:.3f} s in two processes at once, {one} and {other}"


def _spans(history: History) -> dict[TaskKey, list[tuple[float, float, str]]]:
    """Give the span in which each process of a task was seen to run, and its name."""
    seen: dict[tuple[TaskKey, str, int], list[float]] = defaultdict(list)
    for note in history.notes:
        if note.event != NoteKind.CALLBACK:
            seen[note.task, note.host, note.pid].append(note.at)
    spans: dict[TaskKey, list[tuple[float, float, str]]] = defaultdict(list)
    for (task, host, pid), times in seen.items():
        spans[task].append((min(times), max(times), f"pid {pid} on {host}"))
    return spans


def _completed_and_again(history: History) -> Iterator[str]:
    completed: dict[TaskKey, Note] = {}
    recorded = {change.attempt for change in history.changes if change.state == "success"}
    # An attempt that died between its last note and the record of it was completed for nobody but itself.
    unheard = frozenset[str]().union(*(injection.attempts for injection in history.injections)) - recorded
    for note in sorted(history.notes, key=lambda note: note.at):
        if note.event == NoteKind.START and note.task in completed:
            yield f"{note.task} was completed, and started again {note.at - completed[note.task].at:.3f} s later"
        elif note.event == NoteKind.END and note.attempt not in unheard:
            completed.setdefault(note.task, note)
    for change in history.changes:
        if change.state in _LOSING and change.task in completed and change.at >= completed[change.task].at:
            yield f"{change.task} was completed, and is recorded as {change.state}"


def _recorded_twice(history: History) -> Iterator[str]:
    recorded: dict[str, str] = {}
    for change in history.changes:
        if change.state in _FINAL and recorded.setdefault(change.attempt, change.state) != change.state:
            before = recorded[change.attempt]
            yield f"attempt {change.attempt} at {change.task} is recorded as {before}, and later as {change.state}"


def _blamed(history: History) -> Iterator[str]:
    raised = {note.attempt for note in history.notes if note.event == NoteKind.RAISED}
    for change in history.changes:
        if change.state in _LOSING and change.attempt not in raised:
            yield f"try {change.try_number} of {change.task} is recorded as {change.state}, and raised no error"
    budgets = _budgets(history.changes)
    for task, notes in _by_task(history.notes).items():
        own = len({note.attempt for note in notes if note.event == NoteKind.RAISED})
        last = max((note.try_number for note in notes if note.event == NoteKind.START), default=1)
        if task in budgets and (spent := budgets[task][0] - min(budgets[task])) > own:
            yield f"{task} lost {spent} of its retries, and raised {own} errors"
        elif task not in budgets and last > 1 + own:
            yield f"{task} came to its try {last}, and raised {own} errors"


def _budgets(changes: Iterable[StateChange]) -> dict[TaskKey, list[int]]:
    """Give the retries that each task had left each time that it was queued or ran, in order."""
    found: dict[TaskKey, list[int]] = defaultdict(list)
    for change in changes:
        if change.state in ("queued", "running") and change.max_tries is not None:
            found[change.task].append(change.max_tries - change.try_number)
    return found


def _missing_callbacks(history: History) -> Iterator[str]:
    told = {note.task for note in history.notes if note.event == NoteKind.CALLBACK}
    for task in sorted(history.callbacks - told):
        yield f"no callback of {task} ran"


def _bystanders(history: History) -> Iterator[str]:
    hurt = frozenset[str]().union(*(injection.hosts for injection in history.injections))
    suffering = frozenset[str]().union(*(injection.attempts for injection in history.injections))
    for attempt, notes in _by_attempt(history.notes).items():
        events = {note.event for note in notes}
        healthy = [note for note in notes if note.event == NoteKind.START and note.host not in hurt]
        if attempt in suffering:
            continue
        if healthy and not events & {NoteKind.END, NoteKind.RAISED}:
            yield f"attempt {attempt} at {healthy[0].task} did not come to its end on {healthy[0].host}, which was well"


def _given_up(history: History) -> Iterator[str]:
    for injection in history.injections:
        if injection.spares_schedulers and any(injection.began <= at <= injection.ended for at in history.given_up):
            yield f"a scheduler was held for dead, or ended, by '{injection.name}', of which none dies"


def _by_attempt(notes: Iterable[Note]) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        found[note.attempt].append(note)
    return found


def _by_task(notes: Iterable[Note]) -> dict[TaskKey, list[Note]]:
    found: dict[TaskKey, list[Note]] = defaultdict(list)
    for note in notes:
        found[note.task].append(note)
    return found


def _some(tasks: Iterable[TaskKey]) -> str:
    first, *rest = sorted(tasks)
    return f"{first} and {len(rest)} more" if rest else str(first)


def runs_of(tasks: Iterable[TaskKey]) -> dict[RunKey, frozenset[TaskKey]]:
    """Group tasks by their run."""
    found: dict[RunKey, set[TaskKey]] = defaultdict(set)
    for task in tasks:
        found[task.run].add(task)
    return {run: frozenset(of_run) for run, of_run in found.items()}
