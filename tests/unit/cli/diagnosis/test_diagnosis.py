"""The verdict on a run, from facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.agent.states import State
from airfleet.cli.diagnosis import diagnosis
from airfleet.cli.diagnosis.facts import Log, RunFacts
from support.fake_agent import component
from support.fake_airflow import dag, run, task
from support.run_facts import NOW, facts, sentences


def waiting(**more: Any) -> dict[str, Any]:
    return task("orders", "extract", more.pop("state", "scheduled"), **more)


def test_tasks_that_wait_for_the_same_reason_are_told_together() -> None:
    instances = [task("orders", f"t{n}", "scheduled", pool="db") for n in range(7)]
    assert sentences(facts(*instances)) == [
        "tasks 't0', 't1', 't2', 't3' and 3 more wait: there is no pool 'db'",
    ]


def test_tasks_behind_others_are_told_after_what_holds_them_up() -> None:
    found = facts(
        task("orders", "extract", "running", start_date="2026-01-31T06:00:30Z", hostname="box"),
        task("orders", "load", None),
        task("orders", "report", None),
    )
    assert sentences(found) == [
        "task 'extract' has been running for 30.0s on box",
        "tasks 'load', 'report' wait for tasks before them ('load' for 'extract')",
    ]


def test_an_unhealthy_worker_is_part_of_the_reason() -> None:
    worker = component("worker", State.BACKOFF, reason="killed by signal 9")
    assert sentences(facts(waiting(state="queued"), components=(worker,)))[0] == (
        "the worker is not healthy (restarting: killed by signal 9)"
    )


QUEUED = {
    "max_active_runs": (
        {"active_runs": 1, "dag": dag("orders", max_active_runs=1)},
        ["1 run of the Dag must end first: max_active_runs is 1"],
    ),
    "not yet": (
        {"run": run("orders", state="queued", run_after="2026-01-31T07:00:00Z")},
        ["it may not start before 2026-01-31 07:00 UTC"],
    ),
    "paused": ({"dag": dag("orders", is_paused=True)}, ["Dag 'orders' is paused: nothing of it starts"]),
    "scheduler": (
        {"components": (component("scheduler", State.STARTING),)},
        ["the scheduler is not healthy (starting)", "the scheduler has not started it yet"],
    ),
}


@pytest.mark.parametrize("name", QUEUED)
def test_why_a_run_is_queued(name: str) -> None:
    more, said = QUEUED[name]
    verdict = diagnosis.judge(facts(state="queued", **more))
    assert verdict.sentence == "run manual__1 of 'orders' is queued"
    assert [finding.sentence for finding in verdict.findings] == said


NO_RUN = {
    "manual": ({}, ["it has no schedule: it runs when it is triggered"]),
    "due later": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T08:01:00Z"},
        ["its first run is due at 2026-01-31 08:01 UTC, in 2h00m"],
    ),
    "overdue": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T05:00:00Z"},
        ["a run has been due since 2026-01-31 05:00 UTC; the scheduler has not made it yet"],
    ),
    "overdue but paused": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T05:00:00Z", "is_paused": True},
        ["Dag 'orders' is paused: nothing of it starts"],
    ),
    "nothing due": (
        {"timetable_summary": "@once"},
        ["nothing is due: its schedule has no further run, or it waits for an asset"],
    ),
}


@pytest.mark.parametrize("name", NO_RUN)
def test_why_a_dag_has_not_run(name: str) -> None:
    more, said = NO_RUN[name]
    verdict = diagnosis.judge(RunFacts(dag=dag("orders", **more), now=NOW))
    assert (verdict.sentence, verdict.state) == ("Dag 'orders' has not run yet", "no_run")
    assert [finding.sentence for finding in verdict.findings] == said


def test_a_failed_task_names_what_did_not_run_because_of_it() -> None:
    found = facts(
        task("orders", "extract", "failed", duration=3.0, end_date="x", try_number=2, max_tries=1),
        task("orders", "load", "upstream_failed"),
        task("orders", "report", "upstream_failed"),
        state="failed",
        logs={("extract", -1): Log(("reading",), "KeyError: 'price'", ("steps.py:3 in load",))},
    )
    (finding,) = diagnosis.judge(found).findings
    assert finding.sentence == (
        "task 'extract' failed after 3.0s (attempt 2 of 2); because of it tasks 'load', 'report' did not run"
    )
    assert finding.cause == "the task's code looked for 'price' where it is not"
    assert finding.next == "airfleet trigger orders --wait"


def test_a_task_that_will_be_tried_again() -> None:
    (finding,) = diagnosis.judge(facts(task("orders", "extract", "up_for_retry", max_tries=2))).findings
    assert (finding.kind, finding.sentence) == (
        "retrying",
        "task 'extract' failed (attempt 1 of 3) and will be tried again",
    )


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("PT1H", "no task failed: the run took longer than dagrun_timeout allows (PT1H)"),
        (None, "no task failed: the run was set to failed, or its tasks were removed from the Dag"),
    ],
)
def test_a_run_that_failed_without_a_failed_task(limit: str | None, sentence: str) -> None:
    found = facts(task("orders", "extract", "skipped"), state="failed", dag=dag("orders", dag_run_timeout=limit))
    assert sentences(found) == [sentence]


def test_a_run_that_succeeded_needs_no_words() -> None:
    done = run("orders", state="success", duration=8.0, end_date="2026-01-31T06:00:08Z")
    verdict = diagnosis.judge(facts(task("orders", "extract", "success"), run=done))
    assert verdict.sentence == "run manual__1 of 'orders' succeeded after 8.0s"
    assert verdict.findings == ()
