"""The verdict of a drill counts what its history shows."""

from __future__ import annotations

from dataclasses import replace

from airfleet.drill import invariants
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, TaskKey
from airfleet.drill.runner import ExperimentOutcome, Recovery
from airfleet.drill.verdict import GAP, HEALTHY, RERUN, verdict_of

TASK = TaskKey("airfleet_drill", "worker-1-0", "work")
FAULT = Injection("worker", 10.0, 10.0, frozenset({"a"}))
SECONDS = {HEALTHY: 1.0, GAP: 2.0, RERUN: 3.0}
DIED = Note(NoteKind.START, TASK, "a", 1, "here", 1, 9.0)
AGAIN = replace(DIED, attempt="b", try_number=2, pid=2, at=13.0)
HISTORY = History(
    notes=(DIED, AGAIN, replace(AGAIN, event=NoteKind.END, at=14.0)),
    changes=(),
    asked={TASK.run: frozenset({TASK})},
    states={TASK.run: "success"},
    injections=(FAULT,),
)


def outcome(history: History, **seconds: float | None) -> ExperimentOutcome:
    return ExperimentOutcome((Recovery(FAULT, {**SECONDS, **seconds}),), invariants.violations(history), history)


def test_a_task_that_ran_again_is_counted_and_nothing_is_lost() -> None:
    # The journals say nothing of retries: a second try is one of them, unless Airflow tells how many were left.
    found = verdict_of("worker", replace(outcome(HISTORY), violations=()))
    assert (found.tasks, found.rerun, found.lost, found.twice, found.failed) == (1, 1, 0, 0, 0)
    assert (found.gap, found.healthy_after, found.rerun_after) == (2.0, 1.0, 3.0)
    assert found.held
    assert found.in_time


def test_a_run_that_did_not_end_is_lost_and_one_that_failed_has_failed() -> None:
    other = RunKey(TASK.dag_id, "worker-1-1")
    asked = {**HISTORY.asked, other: frozenset({TaskKey(other.dag_id, other.run_id, "work")})}
    running = replace(HISTORY, asked=asked, states={**HISTORY.states, other: "running"})
    assert verdict_of("worker", outcome(running)).lost == 1
    failed = replace(HISTORY, asked=asked, states={**HISTORY.states, other: "failed"})
    assert verdict_of("worker", outcome(failed)).failed == 1


def test_a_stopwatch_that_did_not_stop_is_late_and_nothing_more() -> None:
    late = verdict_of("worker", replace(outcome(HISTORY, gap=None), violations=()))
    assert late.held
    assert not late.in_time


def test_runs_of_which_nobody_says_anything_are_not_known() -> None:
    unknown = verdict_of("worker", outcome(replace(HISTORY, asked={}, states={}, is_known=False)))
    assert (unknown.lost, unknown.failed) == (None, None)
    assert not unknown.in_time
