"""Has Airflow and a fleet's scheduler choose what to queue, in equal situations of a database. [A]

A process of its own, with Airflow configured for that database; prints what both chose as JSON.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow._shared.timezones import timezone
from airflow.executors import workloads
from airflow.executors.executor_utils import ExecutorName
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.serialized_dag import SerializedDagModel
from airflow.settings import Session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import text

from airfleet.scheduler import bulk_enqueue
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from support.beside_airflow import store_dags

DAGS, RUNS = ("d0", "d1", "d2", "limited"), 3
#: its tasks may not run twice at once
LIMITED = "limited"
SITUATIONS = 180
JOB = 7
_ROWS = text("""
SELECT ti.*, ti.external_executor_id ~ '^[0-9a-f-]{36}$' AS has_message FROM task_instance ti ORDER BY id
""")
_ARRANGE = text("""
UPDATE task_instance SET state = :state, pool = :pool, pool_slots = :slots, executor = :executor,
    priority_weight = :weight, queued_by_job_id = NULL, external_executor_id = NULL, queued_dttm = NULL,
    scheduled_dttm = now()
WHERE id = :id
""")


def compare() -> list[dict[str, Any]]:
    """Give the outcome of each situation."""
    session = Session()
    _fill(session)
    runner = FleetSchedulerJobRunner(job=Job())
    runner.job.id = JOB
    return [_situation(random.Random(seed), runner, session) for seed in range(SITUATIONS)]


def _fill(session: Any) -> None:
    store_dags()
    for dag_id in DAGS:
        serialized = SerializedDagModel.get(dag_id, session=session)
        assert serialized is not None
        for number in range(RUNS):
            day = timezone.datetime(2026, 1, 1 + number)
            serialized.dag.create_dagrun(
                run_id=f"r{number}", logical_date=day, data_interval=(day, day), run_after=day,
                run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.RUNNING,
                start_date=day, session=session,
            )  # fmt: skip
    for pool in ("p1", "p2"):
        session.execute(
            text("INSERT INTO slot_pool (pool, slots, include_deferred) VALUES (:p, 8, false)"), {"p": pool}
        )
    session.execute(text("UPDATE dag SET is_paused = false"))
    session.commit()


def _situation(dice: random.Random, runner: FleetSchedulerJobRunner, session: Any) -> dict[str, Any]:
    _arrange(dice, session)
    most = dice.choice([2, 5, 16, 100])
    # A new one each time: it counts what it was given.
    parallelism = dice.choice([4, 32, 200])
    runner.executor = FleetExecutor(parallelism=parallelism)
    runner.executor.name = ExecutorName("airfleet.scheduler.executor.FleetExecutor")
    runner.executors = [runner.executor]
    runner.executor.listener = object()  # type: ignore[assignment]
    ways: list[bool] = []
    with _witnessed(ways):
        ours = _chosen(FleetSchedulerJobRunner, runner, most, session)
    theirs = _chosen(SchedulerJobRunner, runner, most, session)
    everything = _chosen(SchedulerJobRunner, runner, 100, session)
    session.rollback()
    return {"plain": ways[0], "ours": ours, "theirs": theirs, "whole": everything, "most": min(most, parallelism)}


def _arrange(dice: random.Random, session: Any) -> None:
    """Draw any situation; two of three are plain."""
    tame = dice.random() < 0.66
    for dag_id in DAGS:
        session.execute(
            text("UPDATE dag SET max_active_tasks = :most, is_paused = :paused WHERE dag_id = :dag_id"),
            {
                "dag_id": dag_id,
                "most": dice.choice([1, 2, 4, 16]),
                "paused": (tame and dag_id == LIMITED) or dice.random() < 0.1,
            },
        )
        for number in range(RUNS):
            session.execute(
                text("UPDATE dag_run SET state = :state WHERE dag_id = :dag_id AND run_id = :run_id"),
                {"dag_id": dag_id, "run_id": f"r{number}", "state": dice.choice(["running"] * 6 + ["queued"])},
            )
    for pool in ("default_pool", "p1", "p2"):
        slots = dice.choice([-1, 128, 128]) if tame else dice.choice([-1, 0, 3, 8, 128])
        session.execute(
            text("UPDATE slot_pool SET slots = :slots, include_deferred = :deferred WHERE pool = :pool"),
            {"pool": pool, "slots": slots, "deferred": dice.random() < 0.5},
        )
    _arrange_tasks(dice, tame, session)
    session.commit()


def _arrange_tasks(dice: random.Random, tame: bool, session: Any) -> None:
    scheduled, active = dice.choice([(60, 20), (90, 0), (30, 50), (0, 40)])
    others = [None, "success", "deferred", "awaiting_input", "up_for_retry"]
    states = ["scheduled"] * scheduled + ["running", "queued"] * (active // 2)
    states += others * ((100 - len(states)) // len(others))
    ids = session.scalars(text("SELECT id FROM task_instance ORDER BY dag_id, run_id, task_id")).all()
    # All different: of equal ones anyone may be first.
    weights = dice.sample(range(1000), len(ids))
    tasks = [
        {
            "id": ti_id,
            "state": dice.choice(states),
            "pool": dice.choice(["default_pool"] * 4 + ["p1", "p2"] * 2 + ["nowhere"] * (not tame)),
            "slots": dice.choice([1, 1, 1, 2, 5]),
            "executor": None if tame or dice.random() < 0.95 else "nowhere.Executor",
            "weight": weight,
        }
        for ti_id, weight in zip(ids, weights, strict=True)
    ]
    session.execute(_ARRANGE, tasks)


@contextmanager
def _witnessed(ways: list[bool]) -> Iterator[None]:
    """Write down whether the choice was plain."""
    choose = bulk_enqueue.choose

    def told(*given: Any) -> Any:
        found = choose(*given)
        ways.append(found is not None)
        return found

    bulk_enqueue.choose = told
    try:
        yield
    finally:
        bulk_enqueue.choose = choose


def _chosen(kind: type[SchedulerJobRunner], runner: Any, most: int, session: Any) -> dict[str, Any]:
    """Give what is handed on, and the database then; roll all of it back."""
    session.expunge_all()
    found = kind._executable_task_instances_to_queued(runner, most, session=session)
    made = [workloads.ExecuteTask.make(ti, sentry_integration="") for ti in found]
    rows = [dict(row) for row in session.execute(_ROWS).mappings()]
    session.rollback()
    ids = {str(row["id"]): row["external_executor_id"] for row in rows}
    assert all(workload.ti.external_executor_id == ids[str(workload.ti.id)] is not None for workload in made)
    moments = ("queued_dttm", "updated_at", "external_executor_id")
    for row in rows:
        assert (row["state"] == "queued") >= (row["queued_by_job_id"] == JOB)
        row.update({name: row[name] is not None for name in moments})
    given = [workload.model_dump(mode="json", exclude={"token"}) for workload in made]
    return {"workloads": given, "rows": [str(sorted(row.items(), key=str)) for row in rows]}


if __name__ == "__main__":
    print(json.dumps(compare()))
