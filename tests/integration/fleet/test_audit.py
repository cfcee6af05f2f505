"""What the database tells of task instances by itself, and when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from airfleet.drill.records import RunKey, TaskKey
from faultlab.measuring import state_audit
from support.databases import NewDatabase

TASK = TaskKey("d", "r", "t", 2)
#: the columns of Airflow's tables that count here
TABLES = (
    "CREATE TABLE task_instance (id uuid, dag_id text, run_id text, task_id text, map_index int, try_number int,"
    " state text, note text, max_tries int, queued_by_job_id int)",
    "CREATE TABLE job (id int, job_type text, state text)",
    "CREATE TABLE dag_run (dag_id text, run_id text, state text)",
    "INSERT INTO dag_run VALUES ('d', 'r', 'running')",
)
ONE, OTHER = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database("audited"), autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement.encode())
        state_audit.install(connection)
        yield connection


def test_every_state_that_was_committed_is_told_once_and_in_order(database: psycopg.Connection[Any]) -> None:
    began = time.monotonic()
    state_audit.install(database)  # once more changes nothing
    database.execute("INSERT INTO task_instance VALUES (%s, 'd', 'r', 't', 2, 1, NULL)", (ONE,))
    database.execute("UPDATE task_instance SET state = 'running'")
    database.execute("UPDATE task_instance SET note = 'no state'")
    database.execute("UPDATE task_instance SET queued_by_job_id = 3, max_tries = 4")
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.execute("UPDATE task_instance SET state = 'failed'")
        raise ZeroDivisionError  # what is rolled back has not happened
    database.execute("UPDATE task_instance SET id = %s, try_number = 2", (OTHER,))
    database.execute("UPDATE task_instance SET state = 'success'")

    found = state_audit.changes(database)

    assert [(one.attempt, one.try_number, one.state) for one in found] == [
        (ONE, 1, None),
        (ONE, 1, "running"),
        (ONE, 1, "running"),
        (OTHER, 2, "running"),
        (OTHER, 2, "success"),
    ]
    assert [(one.job, one.max_tries) for one in found] == [(None, None)] * 2 + [(3, 4)] * 3
    assert {one.task for one in found} == {TASK}
    times = [one.at for one in found]
    assert times == sorted(times)
    assert began - 0.1 <= times[0] <= times[-1] <= time.monotonic() + 0.1
    assert state_audit.states(database) == {RunKey("d", "r"): "running"}


def test_schedulers_that_have_ended_are_known_with_the_moment(database: psycopg.Connection[Any]) -> None:
    rows = ", ".join(f"({job}, '{kind}Job', 'running')" for job, kind in enumerate(("Scheduler",) * 3 + ("Triggerer",)))
    database.execute(f"INSERT INTO job VALUES {rows}".encode())
    assert state_audit.gone_schedulers(database) == {}
    began = time.monotonic()
    database.execute("UPDATE job SET state = 'failed' WHERE id <> 2")
    database.execute("UPDATE job SET state = 'running' WHERE id = 1")  # it was not dead at all
    assert list(gone := state_audit.gone_schedulers(database)) == [0]
    assert began - 0.1 <= gone[0] <= time.monotonic() + 0.1
    assert len(state_audit.given_up(database)) == 2  # also the one that was not dead
    assert all(began - 0.1 <= at <= time.monotonic() + 0.1 for at in state_audit.given_up(database))


def test_what_was_decided_of_a_run_is_told_each_time(database: psycopg.Connection[Any]) -> None:
    assert state_audit.run_states(database) == ()
    for state in ("failed", "failed", "running", "success"):
        database.execute("UPDATE dag_run SET state = %s", (state,))
    assert state_audit.run_states(database) == tuple(
        (RunKey("d", "r"), state) for state in ("failed", "running", "success")
    )


def test_nothing_is_left_of_it_when_it_is_removed(database: psycopg.Connection[Any]) -> None:
    state_audit.remove(database)
    database.execute("INSERT INTO task_instance VALUES (%s, 'd', 'r', 't', -1, 1, NULL)", (ONE,))
    database.execute("INSERT INTO job VALUES (1, 'SchedulerJob', 'running')")
    database.execute("UPDATE job SET state = 'failed'")
    database.execute("UPDATE dag_run SET state = 'failed'")
    for table in ("airfleet_audit", "airfleet_audit_scheduler", "airfleet_audit_run"):
        assert database.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,)
