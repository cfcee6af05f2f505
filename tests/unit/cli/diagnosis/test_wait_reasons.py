"""Why a task that could run does not: no worker, no room, or a check of Airflow's."""

from __future__ import annotations

from typing import Any

import pytest

from support.fake_agent import component
from support.fake_airflow import dag, pool, task
from support.run_facts import facts, sentences


def waiting(**more: Any) -> dict[str, Any]:
    return task("orders", "extract", more.pop("state", "scheduled"), **more)


REASONS = {
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
