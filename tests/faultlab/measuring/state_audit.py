"""The audit of the database: every state of a task, a run and a scheduler that it committed.

Triggers write each new state of a task instance, a run and a scheduler's job into tables beside Airflow's. They write
each new scheduler of a task instance, too, and the time of the server's clock. So no state is missed between two looks,
and nobody has to ask while the experiment runs.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg

from airfleet.drill.records import RunKey, StateChange, TaskKey

_INSTALL = (
    """
    CREATE TABLE IF NOT EXISTS airfleet_audit (
        number bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        dag_id text, run_id text, task_id text, map_index int, attempt text, try_number int, state text,
        max_tries int, job int
    )
    """,
    """
    CREATE OR REPLACE FUNCTION airfleet_audit_task() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.state IS DISTINCT FROM OLD.state OR NEW.id IS DISTINCT FROM OLD.id
            OR NEW.queued_by_job_id IS DISTINCT FROM OLD.queued_by_job_id
        THEN
            INSERT INTO airfleet_audit (dag_id, run_id, task_id, map_index, attempt, try_number, state, max_tries, job)
            VALUES (NEW.dag_id, NEW.run_id, NEW.task_id, NEW.map_index, NEW.id::text, NEW.try_number, NEW.state,
                NEW.max_tries, NEW.queued_by_job_id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER airfleet_audit AFTER INSERT OR UPDATE ON task_instance
    FOR EACH ROW EXECUTE FUNCTION airfleet_audit_task()
    """,
    """
    CREATE TABLE IF NOT EXISTS airfleet_audit_scheduler (
        number bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        job int, state text
    )
    """,
    """
    CREATE OR REPLACE FUNCTION airfleet_audit_job() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO airfleet_audit_scheduler (job, state) VALUES (NEW.id, NEW.state);
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER airfleet_audit AFTER UPDATE OF state ON job
    FOR EACH ROW WHEN (NEW.job_type = 'SchedulerJob' AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION airfleet_audit_job()
    """,
    """
    CREATE TABLE IF NOT EXISTS airfleet_audit_run (
        number bigint GENERATED ALWAYS AS IDENTITY, dag_id text, run_id text, state text
    )
    """,
    """
    CREATE OR REPLACE FUNCTION airfleet_audit_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO airfleet_audit_run (dag_id, run_id, state) VALUES (NEW.dag_id, NEW.run_id, NEW.state);
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER airfleet_audit AFTER UPDATE OF state ON dag_run
    FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION airfleet_audit_run()
    """,
)
_REMOVE = (
    "DROP FUNCTION IF EXISTS airfleet_audit_task() CASCADE",
    "DROP FUNCTION IF EXISTS airfleet_audit_job() CASCADE",
    "DROP FUNCTION IF EXISTS airfleet_audit_run() CASCADE",
    "DROP TABLE IF EXISTS airfleet_audit",
    "DROP TABLE IF EXISTS airfleet_audit_scheduler",
    "DROP TABLE IF EXISTS airfleet_audit_run",
)


def install(connection: psycopg.Connection[Any]) -> None:
    """Have the database write down what becomes of task instances from now on."""
    with connection.transaction():
        for statement in _INSTALL:
            connection.execute(statement.encode())


def remove(connection: psycopg.Connection[Any]) -> None:
    """Write nothing more, and forget what was written."""
    with connection.transaction():
        for statement in _REMOVE:
            connection.execute(statement.encode())


def changes(connection: psycopg.Connection[Any]) -> tuple[StateChange, ...]:
    """Read every state that was committed, in order; times by the monotonic clock of this machine."""
    rows = connection.execute(
        "SELECT dag_id, run_id, task_id, map_index, attempt, try_number, state,"
        " extract(epoch FROM at - clock_timestamp())::float, max_tries, job FROM airfleet_audit ORDER BY number"
    ).fetchall()
    now = time.monotonic()
    return tuple(
        StateChange(TaskKey(dag_id, run_id, task_id, map_index), attempt, try_number, state, now + ago, max_tries, job)
        for dag_id, run_id, task_id, map_index, attempt, try_number, state, ago, max_tries, job in rows
    )


def states(connection: psycopg.Connection[Any]) -> dict[RunKey, str]:
    """Read the state of every run."""
    rows = connection.execute("SELECT dag_id, run_id, state FROM dag_run").fetchall()
    return {RunKey(dag_id, run_id): state for dag_id, run_id, state in rows}


def run_states(connection: psycopg.Connection[Any]) -> tuple[tuple[RunKey, str], ...]:
    """Read every new state of a run that was committed, in order."""
    rows = connection.execute("SELECT dag_id, run_id, state FROM airfleet_audit_run ORDER BY number").fetchall()
    return tuple((RunKey(dag_id, run_id), state) for dag_id, run_id, state in rows)


def given_up(connection: psycopg.Connection[Any]) -> tuple[float, ...]:
    """Read when a scheduler's job was recorded as ended or dead, each time, by the monotonic clock."""
    rows = connection.execute(
        "SELECT extract(epoch FROM at - clock_timestamp())::float FROM airfleet_audit_scheduler"
        " WHERE state IS DISTINCT FROM 'running' ORDER BY number"
    ).fetchall()
    now = time.monotonic()
    return tuple(now + ago for (ago,) in rows)


def gone_schedulers(connection: psycopg.Connection[Any]) -> dict[int, float]:
    """Jobs of schedulers that have ended, or are held for dead, and since when by the monotonic clock."""
    rows = connection.execute(
        "SELECT DISTINCT ON (job) job, state, extract(epoch FROM at - clock_timestamp())::float"
        " FROM airfleet_audit_scheduler ORDER BY job, number DESC"
    ).fetchall()
    now = time.monotonic()
    return {int(job): now + ago for job, state, ago in rows if state != "running"}
