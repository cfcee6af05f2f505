"""Stopwatches on histories whose every moment is a number that a person can check."""

from __future__ import annotations

from dataclasses import replace

from airfleet.drill import recovery_times
from airfleet.drill.records import ApiAnswer, History, Injection, Note, NoteKind, StateChange, TaskKey

ONE, OTHER, THIRD = TaskKey("d", "r", "one"), TaskKey("d", "r", "other"), TaskKey("d", "r", "third")
FAULT = Injection("fault", 100.0, 110.0, frozenset({"a"}))


def note(event: NoteKind, task: TaskKey, at: float, attempt: str = "a") -> Note:
    return Note(event, task, attempt, 1, "host", 1, at)


def change(state: str, task: TaskKey, at: float, attempt: str = "a", job: int | None = None) -> StateChange:
    return StateChange(task, attempt, 1, state, at, job=job)


def test_dispatch_is_the_first_start_of_what_was_sent_after_the_healing() -> None:
    changes = (change("queued", ONE, 99, "a"), change("queued", OTHER, 111, "b"), change("queued", THIRD, 112, "c"))
    notes = (
        note(NoteKind.START, ONE, 110.5, "a"),
        note(NoteKind.START, OTHER, 112.0, "b"),
        note(NoteKind.START, THIRD, 113.0, "c"),
    )
    assert recovery_times.dispatch(History(notes, changes), FAULT) == 2.0
    assert recovery_times.dispatch(History(notes[:1], changes), FAULT) is None


def test_tasks_go_again_with_the_first_of_those_that_were_queued_while_things_were_broken() -> None:
    changes = (change("queued", ONE, 99, "a"), change("queued", OTHER, 104, "b"), change("queued", THIRD, 111, "c"))
    notes = (
        note(NoteKind.START, ONE, 110.5, "a"),
        note(NoteKind.START, THIRD, 111.5, "c"),
        note(NoteKind.START, OTHER, 113.0, "b"),
    )
    assert recovery_times.first_of_waiting(History(notes, changes), FAULT) == 3.0
    assert recovery_times.first_of_waiting(History(notes[:2], changes), FAULT) is None


def test_what_waited_has_started_when_the_last_of_it_has() -> None:
    changes = (
        change("queued", ONE, 101, "a"),
        change("queued", OTHER, 102, "b"),
        change("queued", THIRD, 90, "c"),  # it ran before anything broke
        change("queued", OTHER, 115, "b2"),  # sent once more, as another attempt
    )
    notes = (note(NoteKind.START, THIRD, 95, "c"), note(NoteKind.START, ONE, 111, "a"))
    assert recovery_times.dispatch_of_waiting(History(notes, changes), FAULT) is None
    notes = (*notes, note(NoteKind.START, OTHER, 117, "b2"))
    assert recovery_times.dispatch_of_waiting(History(notes, changes), FAULT) == 7.0


def test_a_task_that_was_deferred_starts_no_second_time_and_is_seen_when_it_ends() -> None:
    changes = (change("queued", ONE, 80, "a"), change("deferred", ONE, 90, "a"), change("queued", ONE, 108, "a2"))
    notes = (
        note(NoteKind.START, ONE, 85, "a"),
        note(NoteKind.START, OTHER, 100, "b"),
        note(NoteKind.END, OTHER, 112, "b"),
    )
    changes = (*changes, change("queued", OTHER, 99, "b"))
    assert recovery_times.dispatch_of_waiting(History(notes, changes), FAULT) is None
    notes = (*notes, note(NoteKind.END, ONE, 114, "a2"))
    assert recovery_times.dispatch_of_waiting(History(notes, changes), FAULT) == 4.0


def test_an_attempt_that_was_given_up_for_another_one_before_does_not_wait() -> None:
    changes = (change("queued", ONE, 80, "a"), change("queued", ONE, 90, "a2"), change("success", ONE, 99, "a2"))
    notes = (note(NoteKind.START, ONE, 95, "a2"), note(NoteKind.END, ONE, 98, "a2"))
    assert recovery_times.dispatch_of_waiting(History(notes, changes), FAULT) == recovery_times.UNHURT


def test_where_nothing_waited_nothing_had_to_recover() -> None:
    assert recovery_times.dispatch_of_waiting(History((), ()), FAULT) == recovery_times.UNHURT


def test_a_task_whose_attempt_died_runs_again_and_one_that_ended_need_not() -> None:
    notes = (
        note(NoteKind.START, ONE, 90),
        note(NoteKind.START, OTHER, 91, "b"),
        note(NoteKind.END, OTHER, 99, "b"),
    )
    injection = replace(FAULT, attempts=frozenset({"a", "b"}))
    assert recovery_times.rerun(History(notes, ()), injection) is None
    assert recovery_times.rerun(History((*notes, note(NoteKind.START, ONE, 103.5, "a2")), ()), injection) == 3.5


def test_the_watch_is_full_when_a_living_scheduler_has_every_task_of_the_dead_one() -> None:
    before = (
        change("running", ONE, 90, "a", 1),
        change("queued", OTHER, 95, "b", 1),
        change("success", THIRD, 96, job=1),
    )
    gone = {1: 101.0}
    assert recovery_times.watch(History((), before, gone=gone), FAULT) is None
    one = (*before, change("running", ONE, 104, "a", 2))
    assert recovery_times.watch(History((), one, gone=gone), FAULT) is None
    both = (*one, change("running", OTHER, 105, "b", 1), change("success", OTHER, 108, "b", 1))
    assert recovery_times.watch(History((), both, gone=gone), FAULT) == 8.0


def test_the_watch_is_not_full_as_long_as_nobody_knows_that_a_scheduler_is_dead() -> None:
    before = (change("running", ONE, 90, "a", 1),)
    assert recovery_times.watch(History((), before, gone={}), FAULT) is None
    assert recovery_times.watch(History((), before, gone={7: 50.0}), FAULT) is None  # that was another one, before
    assert recovery_times.watch(History((), before, gone={7: 101.0}), FAULT) == 1.0  # which had no task
    ended = (*before, change("success", ONE, 102, "a", 1))
    assert recovery_times.watch(History((), ended, gone={1: 180.0}), FAULT) == 80.0


def test_what_was_done_meanwhile_is_recorded_after_the_healing() -> None:
    notes = (
        note(NoteKind.END, ONE, 105),
        note(NoteKind.END, OTHER, 99, "b"),
        note(NoteKind.END, THIRD, 106, "c"),
    )
    changes = (change("success", ONE, 112), change("success", OTHER, 99.1, "b"))
    assert recovery_times.recorded(History(notes, changes), FAULT) is None
    assert recovery_times.recorded(History(notes, (*changes, change("success", THIRD, 113, "c"))), FAULT) == 3.0


def test_tasks_that_waited_for_an_event_go_on() -> None:
    changes = (change("running", ONE, 90), change("deferred", ONE, 91), change("deferred", OTHER, 92, "b"))
    notes = (note(NoteKind.END, ONE, 104),)
    assert recovery_times.resumed(History(notes, changes), FAULT) is None
    both = History((*notes, note(NoteKind.END, OTHER, 105, "b")), changes)
    assert recovery_times.resumed(both, FAULT) == 5.0
    # Both are of one run, whose tasks wait for 12 s: until 103 and 104, whatever breaks.
    assert recovery_times.resumed(replace(both, seconds={ONE.run: 12.0}), FAULT) == 1.0


def test_callbacks_are_over_with_the_first_time_of_the_last() -> None:
    notes = (
        note(NoteKind.CALLBACK, ONE, 101),
        note(NoteKind.CALLBACK, OTHER, 103),
        note(NoteKind.CALLBACK, ONE, 109),
    )
    history = History(notes, (), callbacks=frozenset({ONE, OTHER}))
    assert recovery_times.callbacks(history, FAULT) == 3.0
    assert recovery_times.callbacks(replace(history, callbacks=frozenset({ONE, THIRD})), FAULT) is None


def test_the_gap_is_the_longest_time_without_a_start_while_things_were_broken() -> None:
    starts = tuple(note(NoteKind.START, ONE, at, f"{at}") for at in (99.0, 101.0, 105.5, 107.0, 112.0))
    assert recovery_times.gap(History(starts, ()), FAULT) == 4.5
    assert recovery_times.gap(History(starts[:2], ()), FAULT) == 9.0
    assert recovery_times.gap(History((), ()), FAULT) == 10.0


def test_the_api_answers_with_the_first_answer_after_the_fault() -> None:
    answers = (
        ApiAnswer(99, True),
        ApiAnswer(101, False),
        ApiAnswer(111, False),
        ApiAnswer(112, True),
        ApiAnswer(113, True),
    )
    assert recovery_times.answering(History((), (), answers=answers), FAULT) == 12.0
    assert recovery_times.answering(History((), (), answers=answers[:3]), FAULT) is None


def test_an_api_that_answers_once_and_then_fails_has_not_come_back_and_what_an_answer_takes_counts() -> None:
    answers = (
        ApiAnswer(110.5, True),
        ApiAnswer(111, False),
        ApiAnswer(112, False),
        ApiAnswer(113, True, 0.5),
        ApiAnswer(114, True),
    )
    assert recovery_times.answering(History((), (), answers=answers), FAULT) == 13.5
    assert recovery_times.answering(History((), (), answers=answers[:1]), FAULT) is None
    assert (
        recovery_times.answering(History((), (), answers=(ApiAnswer(101, True, 0.25), ApiAnswer(113, True))), FAULT)
        == 1.25
    )


def test_what_is_counted_from_the_fault_itself_has_the_time_that_it_lasted() -> None:
    history = History((note(NoteKind.START, ONE, 112, "a"),), ())
    assert recovery_times.dispatch(history, FAULT) == 2.0
    assert recovery_times.since(history, FAULT) == 12.0
    assert recovery_times.since(History((), ()), FAULT) is None


def test_attempts_are_fenced_when_the_last_that_had_to_end_has_given_its_last_sign() -> None:
    notes = (
        note(NoteKind.START, ONE, 90, "a"),
        note(NoteKind.BEAT, ONE, 108.5, "a"),
        note(NoteKind.BEAT, OTHER, 120, "b"),  # it need not end
    )
    assert recovery_times.fenced(History(notes, ()), FAULT) == 8.5
    assert recovery_times.fenced(History(notes[:1], ()), FAULT) == recovery_times.UNHURT


def test_the_backlog_is_what_was_scheduled_or_queued_last() -> None:
    changes = (
        change("queued", ONE, 99),
        change("running", ONE, 100),
        change("scheduled", OTHER, 101),
        change("scheduled", THIRD, 101),
        change("queued", THIRD, 102),
    )
    assert recovery_times.backlog(History((), changes)) == {OTHER, THIRD}
    assert recovery_times.backlog(History((), changes[:2])) == frozenset()
