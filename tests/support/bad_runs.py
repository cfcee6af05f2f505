"""Has a fleet's scheduler make runs of Dags and look at runs of which some are bad; prints what became of each. [A]

A process of its own, with Airflow configured for that database. The clock of what is tried again is given: it jumps.
"""

from __future__ import annotations

import json
from typing import Any

from airflow._shared.timezones import timezone
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.settings import Session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import text

from airfleet.runtime.scheduler import FleetSchedulerJobRunner
from support.beside_airflow import store_dags

#: passes of the scheduler, and seconds of the given clock between two
PASSES, STEP = 12, 5.0


def main() -> dict[str, Any]:
    """What the database has after some passes."""
    store_dags()
    with Session() as session:
        _make_run("waits_for_ever", session)
        _make_run("beside", session)
        _make_run("unreadable", session)
        for statement in (
            "UPDATE dag SET is_paused = false",
            "UPDATE task_instance SET state = 'up_for_retry', end_date = now(), try_number = 1"
            " WHERE dag_id = 'waits_for_ever' AND task_id = 'a'",
            'UPDATE serialized_dag SET data = \'{"__version": 3, "dag": {"tasks": 7}}\', data_compressed = NULL'
            " WHERE dag_id IN ('unreadable', 'unreadable_due')",
            # Of one run the database refuses what is stored with each look at it.
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.dag_id = 'refused' AND NEW.last_scheduling_decision IS NOT NULL AND NEW.state = 'running'"
            " THEN PERFORM 99999999999::integer; END IF; RETURN NEW; END $$",
        ):
            session.execute(text(statement))
        _make_run("refused", session)
        session.execute(text("CREATE TRIGGER refuse BEFORE UPDATE ON dag_run FOR EACH ROW EXECUTE FUNCTION refuse()"))
        session.commit()
    now = [0.0]
    runner = FleetSchedulerJobRunner(job=Job())
    runner.job.id = 7
    runner._faults.clock = lambda: now[0]
    runner.executor.callback_sink = DatabaseCallbackSink()
    for _ in range(PASSES):
        with Session() as session:
            runner._do_scheduling(session)
        now[0] += STEP
    return _found()


def _make_run(dag_id: str, session: Any) -> None:
    dag = SerializedDagModel.get_dag(dag_id, session=session)
    assert dag is not None
    at = timezone.utcnow()
    dag.create_dagrun(
        run_id="one", logical_date=at, run_after=at, run_type=DagRunType.MANUAL, state=DagRunState.RUNNING,
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
        errors = session.execute(text("SELECT stacktrace FROM import_error")).scalars().all()
        callbacks = session.execute(text("SELECT data::text FROM callback")).scalars().all()
        active = {dag.dag_id: not (dag.is_stale or dag.has_import_errors) for dag in session.query(DagModel)}
    return {
        "runs": [list(run) for run in runs],
        "tasks": [list(task) for task in tasks],
        "errors": errors,
        "callbacks": callbacks,
        "active": active,
    }


if __name__ == "__main__":
    print("\n" + json.dumps(main()))
