"""Answers of a real PostgreSQL are what the scheduler takes: an array comes as a list, an array of arrays as lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from airflow.jobs.job import Job
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airfleet.metadata.notifications import News
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from support.databases import NewDatabase

#: as much of Airflow's tables as is asked for
TABLES = """
CREATE TABLE dag (is_paused bool, is_stale bool, has_import_errors bool, exceeds_max_non_backfill bool,
    next_dagrun_create_after timestamptz);
CREATE TABLE dag_run (dag_id text, run_id text, state text, run_after timestamptz);
CREATE TABLE task_instance (id uuid, dag_id text, run_id text, task_id text, state text);
CREATE TABLE task_reschedule (ti_id uuid, reschedule_date timestamptz);
CREATE TABLE job (job_type text, state text, latest_heartbeat timestamptz);
"""
TASK = "INSERT INTO task_instance (id, dag_id, run_id, task_id, state) VALUES (%s, 'chain', %s, %s, %s)"
LATEST = uuid4()


class Scheduler(FleetSchedulerJobRunner):
    """A scheduler that asks this database, and that has looked at run 1 before."""

    def __init__(self, database: psycopg.Connection[Any]) -> None:
        super().__init__(job=Job())
        self.database = database
        self._doubtful, self._agrees = {1}, {1: LATEST}
        self._dags.latest["chain"] = LATEST
        self.scheduler_dag_bag = SimpleNamespace(get_dag_for_run=lambda dag_run, session: chain())  # type: ignore[assignment]

    def _fetch(self, query: Any, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        return self.database.execute(query, parameters).fetchall()


class Run(SimpleNamespace):
    """What is asked of a run, which is a key of a mapping."""

    __hash__ = object.__hash__


def chain() -> Any:
    """``a`` and ``b``, then ``c``, as the scheduler sees them."""
    with DAG("chain", schedule=None) as dag:
        a, b, c = (PythonOperator(task_id=name, python_callable=print) for name in "abc")
        [a, b] >> c
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database("answers"), autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection


def tasks(database: psycopg.Connection[Any], **states: str | None) -> dict[str, UUID]:
    """Make the tasks of the run; their ids."""
    made = {name: uuid4() for name in states}
    for name, state in states.items():
        database.execute(TASK, (made[name], "first", name, state))
    return made


def test_runs_with_a_retry_or_a_reschedule_that_is_due_are_named(database: psycopg.Connection[Any]) -> None:
    tasks(database, a="up_for_retry", b="up_for_reschedule")
    for run, due in {"second": "now() - interval '1 min'", "third": "now() + interval '1 h'"}.items():
        database.execute(TASK, (ti := uuid4(), run, "a", "up_for_reschedule"))
        database.execute(f"INSERT INTO task_reschedule VALUES (%s, {due})".encode(), (ti,))
    agenda, _ = Scheduler(database)._planner.plan(News(), False, 0.0)
    assert agenda.changed == {("chain", "first"), ("chain", "second")}


@pytest.mark.parametrize(
    ("due", "make_runs", "rest"),
    [("now() + interval '3 s'", False, 3.0), ("now() - interval '1 s'", True, 5.0), ("NULL", False, 5.0)],
    ids=["soon", "now", "never"],
)
def test_the_loop_rests_until_the_next_dag_is_due(
    database: psycopg.Connection[Any], due: str, make_runs: bool, rest: float
) -> None:
    database.execute(f"INSERT INTO dag VALUES (false, false, false, false, {due})".encode())
    scheduler = Scheduler(database)
    scheduler._planner.plan(News(), False, 0.0)
    agenda, seconds = scheduler._planner.plan(News(), False, 10.0)
    assert (agenda.make_runs, agenda.everything) == (make_runs, False)
    assert seconds == pytest.approx(rest, abs=0.9)


@pytest.mark.parametrize(
    ("states", "started"),
    [
        ({"a": "success", "b": "running", "c": None}, ""),
        ({"a": "success", "b": "success", "c": None}, "c"),
        ({"a": None, "b": None, "c": None}, "ab"),
    ],
    ids=["none", "one", "two"],
)
def test_the_tasks_that_can_start_are_named_by_their_ids(
    database: psycopg.Connection[Any], states: dict[str, str | None], started: str
) -> None:
    ids = tasks(database, **states)
    run: Any = Run(id=1, dag_id="chain", run_id="first", bundle_version=None, start_date=None)
    found = Scheduler(database)._plain([run], session=None)  # type: ignore[arg-type]
    assert {run: set(ready) for run, ready in found.items()} == {run: {ids[name] for name in started}}
