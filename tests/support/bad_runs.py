"""Has a fleet's scheduler make runs of Dags and look at runs of which some are bad; prints what became of each. [A]

A process of its own, with Airflow configured for that database. The clock of what is tried again is given: it jumps.
"""

from __future__ import annotations

import json
from typing import Any

from airflow._shared.timezones import timezone
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.jobs.job import Job
from airflow.models.asset import AssetEvent, AssetPartitionDagRun, PartitionedAssetKeyLog
from airflow.models.callback import Callback
from airflow.models.dag import DagModel
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk import AsyncCallback
from airflow.settings import Session
from airflow.timetables.base import compute_rollup_fingerprint
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import text

from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from support.beside_airflow import store_dags

#: a statement that PostgreSQL refuses
_REFUSED = text("SELECT 99999999999::integer")
#: passes of the scheduler, and seconds of the given clock between two
PASSES, STEP = 12, 5.0
#: runs of each Dag that has many: more than Airflow looks at in one pass
MANY = 24


def main() -> dict[str, Any]:
    """Read the database after some passes."""
    store_dags()
    with Session() as session:
        for number in range(MANY):
            _make_run("unreadable_running", session, number=number)
            _make_run("unreadable_queued", session, DagRunState.QUEUED, number)
            _make_run("unreadable_queued_too", session, DagRunState.QUEUED, number)
            _make_run("unreadable_queued_due_too", session, DagRunState.QUEUED, number)
        _make_run("waits_for_ever", session)
        _make_run("callback_refused", session)
        _make_run("half_done", session)
        _make_run("beside", session)
        _make_run("unreadable", session)
        _make_run("unloadable", session)
        _make_run("misshapen", session)
        for statement in (
            "UPDATE dag SET is_paused = false",
            "UPDATE task_instance SET state = 'up_for_retry', end_date = now(), try_number = 1"
            " WHERE dag_id IN ('waits_for_ever', 'callback_refused') AND task_id = 'a'",
            "UPDATE task_instance SET state = 'success', end_date = now() WHERE dag_id = 'half_done'",
            'UPDATE serialized_dag SET data = \'{"__version": 3, "dag": {"tasks": 7}}\', data_compressed = NULL'
            " WHERE dag_id LIKE 'unreadable%'",
            # A pickle of a class that is gone, and JSON of another shape.
            "UPDATE task_instance SET executor_config = '\\x80046372656d6f7665640a546869730a2e'"
            " WHERE dag_id = 'unloadable' AND task_id = 'a'",
            "UPDATE task_instance SET next_kwargs = '[1]' WHERE dag_id = 'misshapen' AND task_id = 'a'",
            "INSERT INTO asset_dag_run_queue (asset_id, target_dag_id, created_at)"
            " SELECT asset_id, dag_id, now() FROM dag_schedule_asset_reference WHERE dag_id LIKE '%of_asset'",
            # Of one run the database refuses what is stored with each look at it.
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.dag_id = 'refused' AND NEW.last_scheduling_decision IS NOT NULL AND NEW.state = 'running'"
            " OR NEW.dag_id = 'refused_start' AND NEW.state = 'running'"
            " THEN PERFORM 99999999999::integer; END IF; RETURN NEW; END $$",
        ):
            session.execute(text(statement))
        _make_run("refused", session)
        _make_run("refused_start", session, DagRunState.QUEUED)
        _make_run("started", session, DagRunState.QUEUED)
        _add_partitions(session)
        session.execute(text("CREATE TRIGGER refuse BEFORE UPDATE ON dag_run FOR EACH ROW EXECUTE FUNCTION refuse()"))
        session.commit()
    now = [0.0]
    runner = FleetSchedulerJobRunner(job=Job())
    runner.job.id = 7
    runner._faults.clock = lambda: now[0]
    runner.executor.callback_sink = FailingSink()
    for _ in range(PASSES):
        runner._going_on(lambda: _pass(runner))
        now[0] += STEP
    return _found() | {"deadlines": _miss_deadlines(runner)}


class FailingSink(DatabaseCallbackSink):
    """Airflow's, which fails the first time for one Dag, and each time in the database for another one."""

    def __init__(self) -> None:
        self._has_failed = False

    def send(self, callback: Any, session: Any = None) -> None:
        """Store a request, or fail."""
        dag_id = getattr(callback, "dag_id", "")  # a request of a task has none of its own
        if dag_id == "half_done" and not self._has_failed:
            self._has_failed = True
            raise RuntimeError("this callback is not taken")
        if dag_id == "callback_refused":
            session.execute(_REFUSED)
        super().send(callback, session=session)


def _pass(runner: FleetSchedulerJobRunner) -> None:
    with Session() as session:
        runner._do_scheduling(session)


def _add_partitions(session: Any) -> None:
    """Have a partition wait of each Dag of partitions."""
    events = {}
    for dag_id in ("partition_overflow", "partition_fine"):
        dag = SerializedDagModel.get_dag(dag_id, session=session)
        asset_id = session.scalar(text("SELECT id FROM asset WHERE name = 'parts'"))
        event = events.setdefault(asset_id, AssetEvent(asset_id=asset_id, partition_key="k"))
        session.add(event)
        waiting = AssetPartitionDagRun(
            target_dag_id=dag_id, partition_key="k", rollup_fingerprint=compute_rollup_fingerprint(dag.timetable)
        )
        session.add(waiting)
        session.flush()
        session.add(
            PartitionedAssetKeyLog(
                asset_id=asset_id, asset_event_id=event.id, asset_partition_dag_run_id=waiting.id,
                source_partition_key="k", target_dag_id=dag_id, target_partition_key="k",
            )
        )  # fmt: skip


def _miss_deadlines(runner: FleetSchedulerJobRunner) -> dict[str, Any]:
    """Run callbacks of deadlines, of which one has no function."""
    functions: dict[str, Any] = {"bad": {}, "good": {"path": "some.function", "kwargs": {}}}
    with Session() as session:
        run = session.scalar(text("SELECT id FROM dag_run WHERE dag_id = 'beside'"))
        keys = {}
        for name, data in functions.items():
            deadline = Deadline(timezone.utcnow(), AsyncCallback("some.function"), run, None)
            deadline.callback.data = data
            session.add(deadline)
            session.flush()
            keys[name] = deadline.callback_id
        session.commit()
    failed = runner._fail_deadlines()
    with Session() as session:
        states = {name: session.get_one(Callback, key).state for name, key in keys.items()}
        open_ones = session.scalar(text("SELECT count(*) FROM deadline WHERE NOT missed"))
    return {"failed": failed, "states": states, "open": open_ones}


def _make_run(dag_id: str, session: Any, state: DagRunState = DagRunState.RUNNING, number: int = 0) -> None:
    dag = SerializedDagModel.get_dag(dag_id, session=session)
    assert dag is not None
    at = timezone.utcnow()
    run_id = f"number-{number}" if number else "one"
    dag.create_dagrun(
        run_id=run_id, logical_date=at, run_after=at, run_type=DagRunType.MANUAL, state=state,
        triggered_by=DagRunTriggeredByType.TEST, session=session,
    )  # fmt: skip
    session.flush()


def _found() -> dict[str, Any]:
    with Session() as session:
        runs = session.execute(
            text(
                "SELECT r.dag_id, r.run_id, r.state, n.content FROM dag_run r"
                " LEFT JOIN dag_run_note n ON n.dag_run_id = r.id"
            )
        ).all()
        tasks = session.execute(text("SELECT dag_id, run_id, task_id, state FROM task_instance")).all()
        notes = session.execute(
            text("SELECT dag_id, task_id, content FROM task_instance_note JOIN task_instance ON id = ti_id")
        ).all()
        errors = session.execute(text("SELECT stacktrace FROM import_error")).scalars().all()
        callbacks = session.execute(text("SELECT data::text FROM callback")).scalars().all()
        active = {dag.dag_id: not (dag.is_stale or dag.has_import_errors) for dag in session.query(DagModel)}
    return {
        "runs": [list(run) for run in runs],
        "tasks": [list(task) for task in tasks],
        "notes": [list(note) for note in notes],
        "errors": errors,
        "callbacks": callbacks,
        "active": active,
    }


if __name__ == "__main__":
    print("\n" + json.dumps(main()))
