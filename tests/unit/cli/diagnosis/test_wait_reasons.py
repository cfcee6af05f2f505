"""Why a task that could run does not: no worker, no room, or a check of Airflow's."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.cli.diagnosis import diagnosis
from airfleet.cli.queries.run_release import RunRelease
from support.fake_agent import component
from support.fake_airflow import dag, pool, task
from support.run_facts import facts, sentences

RELEASE = "3f2a9c81d0e4".ljust(64, "0")


def waiting(**more: Any) -> dict[str, Any]:
    return task("orders", "extract", more.pop("state", "scheduled"), **more)


REASONS = {
    "a release that was removed": (
        facts(waiting(state="queued", queue="gpu"), release=RunRelease(RELEASE, is_kept=False)),
        "task 'extract' waits: release 3f2a9c81d0e4 of this run was removed, and no host has it any more",
    ),
    "a release that no host has yet": (
        facts(waiting(state="queued"), release=RunRelease(RELEASE)),
        "task 'extract' waits: no host has release 3f2a9c81d0e4 of this run yet",
    ),
    "a release that no host can have": (
        facts(waiting(state="queued"), release=RunRelease(RELEASE, failed=(("a", "no room\nof 3 GB"),))),
        "task 'extract' waits: no host has release 3f2a9c81d0e4 of this run yet; host 'a' cannot have it: no room",
    ),
    "a slot, for the release is there": (
        facts(waiting(state="queued"), running_tasks=4, release=RunRelease(RELEASE, is_ready=True)),
        "task 'extract' waits: all 4 slots of the workers are taken",
    ),
    "no worker yet, for which no release is needed": (
        facts(waiting(), release=RunRelease(RELEASE, is_kept=False)),
        "task 'extract' waits: the scheduler has not looked at it yet",
    ),
    "queue without a worker": (
        facts(waiting(state="queued", queue="gpu")),
        "task 'extract' waits: no worker listens to the queue 'gpu' (workers listen to default, big)",
    ),
    "no such pool": (facts(waiting(pool="db")), "task 'extract' waits: there is no pool 'db'"),
    "full pool": (
        facts(waiting(pool="db"), pools={"db": pool("db", 2, 0)}),
        "task 'extract' waits: the pool 'db' is full (2 of 2 slots taken)",
    ),
    "a pool with too little room for this task": (
        facts(waiting(pool="db", pool_slots=3), pools={"db": pool("db", 4, 2)}),
        "task 'extract' waits: the pool 'db' is full (2 of 4 slots taken)",
    ),
    "max_active_tasks": (
        facts(
            waiting(), task("orders", "other", "running", start_date="2026-01-31T06:00:30Z"),
            dag=dag("orders", max_active_tasks=1),
        ),
        "task 'extract' waits: 1 task of the run must end first: max_active_tasks is 1",
    ),
    "all slots taken": (
        facts(waiting(state="queued"), running_tasks=4),
        "task 'extract' waits: all 4 slots of the workers are taken",
    ),
    "in the queue": (
        facts(waiting(state="queued"), running_tasks=1),
        "task 'extract' waits: it is in the queue 'default', and no worker has taken it yet",
    ),
    "in Airflow's words": (
        facts(
            waiting(state=None),
            blocked={
                ("extract", -1): (
                    ("Dag Not Paused", "Task's DAG 'orders' is paused."),
                    ("Previous Dagrun State", "depends_on_past is true for this task's DAG, but the previous failed."),
                )
            },
        ),
        "task 'extract' waits: depends_on_past is true for this task's DAG, but the previous failed.",
    ),
    "not looked at": (facts(waiting(state=None)), "task 'extract' waits: the scheduler has not looked at it yet"),
    "deferred": (
        facts(waiting(state="deferred", trigger={"classpath": "airflow.triggers.temporal.DateTimeTrigger"})),
        "task 'extract' waits: it waits for an event (DateTimeTrigger)",
    ),
    "deferred without a triggerer": (
        facts(waiting(state="deferred"), components=(component("worker"),)),
        "task 'extract' waits: it waits for an event, but no triggerer runs",
    ),
    "a sensor": (
        facts(waiting(state="up_for_reschedule")),
        "task 'extract' waits: it is a sensor that looks again later",
    ),
    "mapped": (facts(waiting(map_index=2, pool="db")), "task 'extract[2]' waits: there is no pool 'db'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_why_a_task_waits(name: str) -> None:
    found, sentence = REASONS[name]
    assert sentence in sentences(found)


def test_of_a_release_that_was_removed_the_way_out_is_told() -> None:
    found = facts(waiting(state="queued"), release=RunRelease(RELEASE, is_kept=False))
    (finding,) = diagnosis.judge(found).findings
    assert finding.advice.startswith("clear it in the UI with 'Run with latest bundle version', or push its code again")
