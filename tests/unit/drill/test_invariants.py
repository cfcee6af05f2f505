"""The checker of histories, on histories that are good, and on each kind that is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from airfleet.drill.invariants import Violation, runs_of, silence, standstill, violations
from airfleet.drill.records import ApiAnswer, History, Injection, Note, NoteKind, RunKey, StateChange, TaskKey

HOSTS = ("a", "b")
#: a process that is in no good history
ANOTHER = 4_000_000
_BOTH = ("failed", "success")


def good(seed: int) -> History:
    """A history in which nothing is wrong: some runs, some tasks, some errors of their own, some faults."""
    chance = random.Random(seed)
    notes: list[Note] = []
    changes: list[StateChange] = []
    states: dict[RunKey, str] = {}
    tasks = [TaskKey("d", f"r{run}", f"t{number}") for run in range(3) for number in range(chance.randint(1, 4))]
    died: set[str] = set()
    for pid, task in enumerate(tasks):
        states[task.run] = "success"
        at = chance.uniform(0, 60)
        errors = chance.choice((0, 0, 0, 1, 2)) if task.run_id != "r0" else 0
        broken = chance.choice((0, 0, 1))
        for tried in range(1, broken + errors + 2):
            attempt = f"{task}#{tried}"
            note = Note(NoteKind.START, task, attempt, tried, chance.choice(HOSTS), 100 * pid + tried, at)
            notes += [note, replace(note, event=NoteKind.BEAT, at=at + 1)]
            # A fault gives one try more, so that it costs none.
            left = 2 + (broken if tried > broken else 0)
            changes += [StateChange(task, attempt, tried, state, at, left) for state in ("queued", "running")]
            if tried <= broken:
                died.add(attempt)
            else:
                raises = tried <= broken + errors
                last = replace(note, event=NoteKind.RAISED if raises else NoteKind.END, at=at + 2)
                notes.append(last)
                changes.append(
                    StateChange(task, attempt, tried, "up_for_retry" if raises else "success", at + 2.1, left)
                )
            at += chance.uniform(2.5, 9)
        notes.append(replace(last, event=NoteKind.CALLBACK, at=at))
    injections = tuple(
        Injection(f"f{n}", 10.0 * n, 10.0 * n + 3, frozenset(died), hosts=frozenset({chance.choice(HOSTS)}))
        for n in range(1, 4)
    )
    return History(tuple(notes), tuple(changes), runs_of(tasks), states, injections, frozenset(tasks))


@pytest.mark.parametrize("seed", range(200))
def test_nothing_is_wrong_with_a_good_history(seed: int) -> None:
    assert violations(good(seed)) == ()


def first(history: History, event: NoteKind, tried: int | None = None) -> Note:
    return next(n for n in history.notes if n.event == event and tried in (None, n.try_number))


def without(history: History, unwanted: Callable[[Note], bool]) -> History:
    return replace(history, notes=tuple(note for note in history.notes if not unwanted(note)))


def lost(history: History) -> History:
    """A run that goes on for ever."""
    return replace(history, states=history.states | {next(iter(history.states)): "running"})


def unknown(history: History) -> History:
    """A run that was asked for, and is not there."""
    return replace(history, states=dict(list(history.states.items())[1:]))


def hollow(history: History) -> History:
    """A task on a host that suffered is said to have succeeded, and did not come to its end."""
    end = first(history, NoteKind.END)
    everywhere = replace(history, injections=(Injection("power", 0, 0, hosts=frozenset(HOSTS)),))
    return without(everywhere, lambda note: note == end)


def groundless(history: History) -> History:
    """A run that failed, though none of its tasks did."""
    run = next(
        run for run in history.asked if not any(n.event == NoteKind.RAISED and n.task.run == run for n in history.notes)
    )
    return replace(history, states=history.states | {run: "failed"})


def twice(history: History) -> History:
    """An attempt that is started on another host as well."""
    start = first(history, NoteKind.START)
    again = replace(start, host="c", pid=ANOTHER, at=start.at + 0.5)
    return replace(history, notes=(*history.notes, again))


def spared(history: History) -> History:
    """A run of a task that was to raise an error is said to have succeeded."""
    run = RunKey("d", "to raise")
    return replace(history, asked=history.asked | {run: frozenset()}, states=history.states | {run: "success"})


def revised(history: History) -> History:
    """A run that had failed, and then succeeded."""
    run = next(iter(history.states))
    return replace(history, run_states=((run, "running"), (run, "failed"), (run, "running"), (run, "success")))


def recorded_twice(history: History) -> History:
    """An attempt that is recorded as a success after it had failed with an error of its own."""
    raised = first(history, NoteKind.RAISED) if any(n.event == NoteKind.RAISED for n in history.notes) else None
    if raised is None:  # of two successes one is enough
        raised = replace(
            first(history, NoteKind.START),
            event=NoteKind.RAISED,
            task=TaskKey("d", "r0", "more"),
            attempt="more",
        )
        history = replace(history, notes=(*history.notes, raised))
    changes = [StateChange(raised.task, raised.attempt, raised.try_number, state, raised.at) for state in _BOTH]
    return replace(history, changes=(*history.changes, *changes))


def held_for_dead(history: History) -> History:
    """A scheduler is given up while a fault lasts of which none dies."""
    fault = replace(history.injections[0], spares_schedulers=True)
    return replace(history, injections=(fault, *history.injections[1:]), given_up=(fault.began + 1,))


def side_by_side(history: History) -> History:
    """A second attempt that starts before the end of the first."""
    end = first(history, NoteKind.END)
    other = replace(end, attempt="other", pid=ANOTHER, host="c", at=end.at - 0.5, event=NoteKind.START)
    return replace(history, notes=(*history.notes, other, replace(other, event=NoteKind.END, at=end.at + 5)))


def again(history: History) -> History:
    """A task that runs again after it was completed."""
    end = first(history, NoteKind.END)
    other = replace(end, attempt="other", pid=ANOTHER, at=end.at + 1, event=NoteKind.START)
    return replace(history, notes=(*history.notes, other, replace(other, event=NoteKind.END, at=end.at + 5)))


def undone(history: History) -> History:
    """A task that was completed, and is recorded as failed."""
    end = first(history, NoteKind.END)
    change = StateChange(end.task, end.attempt, end.try_number, "failed", end.at + 1)
    return replace(history, changes=(*history.changes, change))


def blamed(history: History) -> History:
    """A task that is recorded as failed before it could say anything."""
    start = first(history, NoteKind.START, 1)
    change = StateChange(start.task, "never started", 1, "up_for_retry", start.at - 1)
    return replace(history, changes=(*history.changes, change))


def charged(history: History) -> History:
    """A task that is sent once more after it broke, and has a retry less."""
    sent = next(c for c in history.changes if c.state == "queued")
    return replace(history, changes=(*history.changes, replace(sent, attempt="more", try_number=sent.try_number + 9)))


def charged_unseen(history: History) -> History:
    """A task that came to its second try without an error, where nobody says how many retries it has."""
    raised = {note.task for note in history.notes if note.event == NoteKind.RAISED}
    again = {note.task for note in history.notes if note.try_number > 1}
    notes = tuple(n for n in history.notes if n.task not in again - raised)
    moved = next(note.task for note in notes if note.task not in raised)
    notes = tuple(replace(n, try_number=2) if n.task == moved else n for n in notes)
    kept = frozenset(note.task for note in notes)
    asked = {run: left for run, tasks in history.asked.items() if (left := tasks & kept)}
    return replace(history, notes=notes, changes=(), asked=asked, callbacks=frozenset())


def untold(history: History) -> History:
    """A callback that never ran."""
    task = first(history, NoteKind.CALLBACK).task
    return without(history, lambda note: note.event == NoteKind.CALLBACK and note.task == task)


def collateral(history: History) -> History:
    """A task that ends without a word on a host to which nothing happened."""
    start = replace(
        first(history, NoteKind.START), attempt="more", host="well", pid=ANOTHER, task=TaskKey("d", "r0", "more")
    )
    return replace(history, notes=(*history.notes, start))


def helped(history: History) -> History:
    """Somebody had to start a component."""
    return replace(history, helped=("the worker had to be started by hand",))


def leaky(history: History) -> History:
    """A password in a log."""
    return replace(history, leaks=("worker.log holds a secret of the fleet",))


BAD = [
    (lost, {"I1"}),
    (unknown, {"I1"}),
    (hollow, {"I1"}),
    (groundless, {"I1"}),
    (twice, {"I2", "I3"}),
    (side_by_side, {"I3"}),
    (spared, {"I1"}),
    (revised, {"I1"}),
    (recorded_twice, {"I4"}),
    (held_for_dead, {"I8"}),
    (again, {"I4"}),
    (undone, {"I4", "I5"}),
    (blamed, {"I5"}),
    (charged, {"I5"}),
    (charged_unseen, {"I5"}),
    (helped, {"I7"}),
    (leaky, {"I9"}),
    (untold, {"I6"}),
    (collateral, {"I8"}),
]


@pytest.mark.parametrize(("spoil", "found"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
@pytest.mark.parametrize("seed", range(20))
def test_each_kind_of_wrong_is_found_and_called_by_its_name(
    spoil: Callable[[History], History], found: set[str], seed: int
) -> None:
    history = good(seed)
    assert {one.invariant for one in violations(spoil(history))} == found


def test_sentences_say_what_and_where() -> None:
    task = TaskKey("d", "r", "t", 3)
    start = Note(NoteKind.START, task, "x1", 1, "a", 7, 5.0)
    notes = (start, replace(start, host="b", pid=8, at=6.0), replace(start, event=NoteKind.END, at=7.0))
    history = History(notes, (), {task.run: frozenset({task})}, {task.run: "failed"}, (), frozenset({task}))
    assert [str(one) for one in violations(history)] == [
        "I1: run d/r failed, and none of its tasks raised an error",
        "I2: attempt x1 at d/r/t[3] started 2 times: pid 7 on a and pid 8 on b",
        "I3: d/r/t[3] ran 1.000 s in two processes at once, pid 7 on a and pid 8 on b",
        "I6: no callback of d/r/t[3] ran",
    ]


def test_two_processes_may_run_as_long_as_is_allowed() -> None:
    task = TaskKey("d", "r", "t")
    one = Note(NoteKind.START, task, "x", 1, "a", 1, 0.0)
    notes = (one, replace(one, event=NoteKind.BEAT, at=10.0), replace(one, attempt="y", pid=2, at=6.0))
    history = History(notes, (), {}, {}, (Injection("pause", 1.0, 2.0, hosts=frozenset({"a"})),))
    assert violations(history, overlap_seconds=5.0) == ()
    assert [one.invariant for one in violations(history, overlap_seconds=3.0)] == ["I3"]


def answers(*words: tuple[float, bool]) -> History:
    fault = Injection("power", 10.0, 12.0, silences=True)
    return History((), (), {}, {}, (fault,), answers=tuple(ApiAnswer(at, answered) for at, answered in words))


def test_an_api_that_is_silent_for_longer_than_allowed_is_seen_once_with_its_whole_silence() -> None:
    history = answers((0, True), (1, False), (2, False), (3.5, False), (4, False), (4.5, True), (5, False), (6, True))
    [violation] = silence(history)
    assert str(violation) == "I10: the API did not answer for 3.0 s"


def test_an_api_may_be_silent_while_nothing_is_left_to_answer_and_a_moment_after() -> None:
    history = answers((10.5, False), (11, False), (13, False), (14, False), (15, True))
    assert silence(history, return_seconds=3) == ()
    assert [violation.invariant for violation in silence(history, allowed_seconds=1, return_seconds=0.5)] == []
    late = answers((10.5, False), (13, False), (14, False), (16, False))
    assert [violation.invariant for violation in silence(late, return_seconds=0.5)] == ["I10"]


def test_what_died_between_its_last_word_and_the_record_of_it_runs_again() -> None:
    task = TaskKey("d", "r", "t")
    one = Note(NoteKind.START, task, "x", 1, "a", 1, 0.0)
    again = replace(one, attempt="y", pid=2, try_number=2, at=5.0)
    notes = (one, replace(one, event=NoteKind.END, at=1.0), again, replace(again, event=NoteKind.END, at=6.0))
    changes = tuple(StateChange(task, at, tried, "running", 0.0, tried) for tried, at in ((1, "x"), (2, "y")))
    history = History(notes, changes, {}, {}, (Injection("power", 1.1, 2.0, attempts=frozenset({"x"})),))
    assert violations(history) == ()
    recorded = replace(history, changes=(*changes, StateChange(task, "x", 1, "success", 1.05)))
    assert [violation.invariant for violation in violations(recorded)] == ["I4"]
    assert [violation.invariant for violation in violations(replace(history, injections=()))] == ["I4"]


def test_an_attempt_that_suffers_need_not_end_and_its_neighbours_must() -> None:
    task = TaskKey("d", "r", "t")
    one = Note(NoteKind.START, task, "x", 1, "a", 1, 0.0)
    other = replace(one, attempt="y", pid=2, task=TaskKey("d", "r", "u"))
    history = History((one, other), (), {}, {}, (Injection("kill", 1.0, 1.0, attempts=frozenset({"x"})),))
    assert [str(v) for v in violations(history)] == [
        "I8: attempt y at d/r/u did not come to its end on a, which was well"
    ]


def steady(per_second_after: float) -> History:
    """Ten tasks a second end, nothing for the five seconds of a fault, and then as many as is said."""
    times = [n / 10 for n in range(100)] + [15 + n / per_second_after for n in range(int(20 * per_second_after))]
    task = TaskKey("d", "r", "t")
    notes = tuple(Note(NoteKind.END, task, str(n), 1, "a", n, at) for n, at in enumerate(times))
    return History(notes, (), {}, {}, (Injection("kill", 10.0, 10.0),))


def test_work_goes_on_when_as_much_is_done_as_before() -> None:
    assert standstill(steady(10), settle_seconds=5, window_seconds=10) == ()


def test_a_standstill_is_seen() -> None:
    assert standstill(steady(10), settle_seconds=0, window_seconds=10) == (
        Violation("I11", "100 tasks ended in 10 s before, 50 in as many seconds afterwards"),
    )


def test_half_of_what_was_done_is_too_little() -> None:
    assert standstill(steady(5), settle_seconds=5, window_seconds=10) == (
        Violation("I11", "100 tasks ended in 10 s before, 50 in as many seconds afterwards"),
    )


def test_what_was_asked_for_beside_the_load_counts_afterwards_only() -> None:
    def is_steady(run: RunKey) -> bool:
        return run.run_id != "beside"

    history = steady(10)
    first, last = history.injections[0].began, history.injections[0].ended
    beside = [Note(NoteKind.END, TaskKey("d", "beside", "t"), f"b{n}", 1, "a", 1, first - 1.0) for n in range(500)]
    much = replace(history, notes=(*history.notes, *beside))
    assert standstill(much, 5, 10, is_steady) == ()
    assert [one.invariant for one in standstill(much, 5, 10)] == ["I11"]
    before = tuple(note for note in history.notes if note.at < first)
    later = [replace(note, at=last + 6.0) for note in beside]
    assert standstill(replace(history, notes=(*before, *later)), 5, 10, is_steady) == ()


def test_a_burst_that_one_window_misses_is_none_the_less() -> None:
    history = steady(10)
    moved = [replace(n, at=n.at + 5.5) if 20 <= n.at < 21 else n for n in history.notes]
    assert standstill(replace(history, notes=tuple(moved)), 5, 5) == ()


def test_where_nothing_was_done_before_nothing_is_shown() -> None:
    history = replace(steady(10), injections=(Injection("kill", 0.0, 0.0),))
    assert standstill(history, 0, 10) == (Violation("I11", "no task ended before the first fault"),)


def test_without_a_fault_there_is_nothing_to_go_on_after() -> None:
    assert standstill(replace(steady(10), injections=()), 0, 10) == ()
