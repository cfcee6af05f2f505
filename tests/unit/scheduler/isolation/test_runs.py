"""A run at which the scheduler fails, beside runs that go on; on a real (SQLite) database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from airfleet.scheduler.isolation.runs import RunIsolation

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A database with three running runs of one Dag each."""
    import_all_models()  # their foreign keys name their tables
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/airflow.db")
    # The driver would begin a transaction late, and end it with a savepoint.
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    for table in ("log_template", "dag_run", "dag_run_note"):
        Base.metadata.tables[table].create(engine)
    with Session(engine) as session:
        for name in ("before", "bad", "after"):
            session.add(
                DagRun(dag_id=name, run_id="one", run_type=DagRunType.MANUAL, state=DagRunState.RUNNING, run_after=NOW)
            )
        session.commit()
        yield session
    engine.dispose()


class Scheduler(RunIsolation):
    """A scheduler that notes of which runs it forgets its conclusions, and searches no rows."""

    def __init__(self) -> None:
        super().__init__(job=Job())
        self._none_until = float("inf")
        self.undone: list[list[int]] = []

    def _rolled_back(self, runs: Sequence[int]) -> None:
        self.undone.append(list(runs))


def look(session: Session, at_bad: Callable[[DagRun], None], monkeypatch: pytest.MonkeyPatch) -> tuple[Scheduler, Any]:
    """One pass over the three runs, in which Airflow ends each of them."""

    def airflow(self: Any, dag_run: DagRun, session: Session) -> str:
        dag_run.state = DagRunState.SUCCESS
        session.flush()
        if dag_run.dag_id == "bad":
            at_bad(dag_run)
        return f"callback of {dag_run.dag_id}"

    monkeypatch.setattr(SchedulerJobRunner, "_schedule_dag_run", airflow)
    scheduler = Scheduler()
    with prohibit_commit(session) as guard:
        runs = session.scalars(select(DagRun).order_by(DagRun.id)).all()
        found = scheduler._schedule_all_dag_runs(guard, runs, session)
    return scheduler, [(run.dag_id, callback) for run, callback in found]


def states(session: Session) -> dict[str, str | None]:
    """What is committed."""
    session.rollback()
    return {run.dag_id: run.state for run in session.scalars(select(DagRun))}


def fail(run: DagRun) -> None:
    raise RuntimeError("half way")


def unset_what_must_be_set(run: DagRun) -> None:
    run.run_type = None  # type: ignore[assignment]  # refused when it is stored, with the commit


@pytest.mark.parametrize(
    ("at_bad", "why"),
    [(fail, "RuntimeError: half way"), (unset_what_must_be_set, "NOT NULL constraint failed: dag_run.run_type")],
    ids=["an error", "a refusal with the commit"],
)
def test_of_a_run_that_fails_nothing_is_stored_and_the_others_go_on(
    at_bad: Callable[[DagRun], None], why: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, found = look(session, at_bad, monkeypatch)
    assert found == [("before", "callback of before"), ("after", "callback of after")]
    assert states(session) == {"before": "success", "bad": "running", "after": "success"}
    assert list(scheduler._faults.runs) == [2]
    assert why in scheduler._faults.runs[2].why


def test_conclusions_from_what_was_undone_are_forgotten(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler, _ = look(session, fail, monkeypatch)
    assert scheduler.undone == [[1, 2, 3], [2]]


class Deadlock(Exception):
    """Of psycopg, as SQLAlchemy sees it."""

    sqlstate = "40P01"


def test_conclusions_are_forgotten_before_a_transaction_is_tried_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [DBAPIError("UPDATE", None, Deadlock())]

    def deadlock_once(run: DagRun) -> None:
        if errors:
            raise errors.pop()

    scheduler, found = look(session, deadlock_once, monkeypatch)
    assert [dag_id for dag_id, _ in found] == ["before", "bad", "after"]
    assert set(states(session).values()) == {"success"}
    assert scheduler.undone == [[1, 2, 3]]


def test_a_run_that_waits_is_put_behind_the_others_although_a_run_beside_it_fails_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SchedulerJobRunner, "_schedule_dag_run", lambda self, dag_run, session: fail(dag_run))
    scheduler = Scheduler()
    scheduler._faults.run_failed(1, "a moment ago")
    with prohibit_commit(session) as guard:
        scheduler._schedule_all_dag_runs(guard, session.scalars(select(DagRun)).all(), session)
    session.rollback()
    looked_at = {run.id: run.last_scheduling_decision for run in session.scalars(select(DagRun))}
    assert looked_at[1] is not None
    assert (looked_at[2], looked_at[3]) == (None, None)


def test_a_run_that_goes_on_again_has_no_fault(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler()
    scheduler._faults.run_failed(2, "a moment ago")
    scheduler._faults.clock = lambda: float("inf")
    monkeypatch.setattr(SchedulerJobRunner, "_schedule_dag_run", lambda self, dag_run, session: None)
    with prohibit_commit(session) as guard:
        scheduler._schedule_all_dag_runs(guard, session.scalars(select(DagRun)).all(), session)
    assert not scheduler._faults.runs


class ConnectionLost(Exception):
    """Of psycopg, as SQLAlchemy sees it."""

    sqlstate = "08006"


def test_a_passing_error_of_the_database_ends_the_pass(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_connection(run: DagRun) -> None:
        raise DBAPIError("SELECT", None, ConnectionLost())

    with pytest.raises(DBAPIError):
        look(session, lose_connection, monkeypatch)
    assert set(states(session).values()) == {"running"}
