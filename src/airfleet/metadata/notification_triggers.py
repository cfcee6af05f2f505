"""Triggers on Airflow's tables that send the notifications of :mod:`airfleet.metadata.notifications`.

The conditions stand in the functions, and only the text of a function names a column, so no trigger blocks a migration
of Airflow that changes a table. The comment of one function holds a digest of all statements: a database whose
triggers are of another airfleet gets new ones when it is migrated.
"""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg

from airfleet.metadata.channels import DAGS, OTHER, RUNS, SLEEPERS, TASKS


def install(connection: psycopg.Connection[Any]) -> bool:
    """Create the functions and triggers unless they are there as they are here; return whether any were created."""
    if installed(connection):
        return False
    with connection.transaction():
        remove(connection)
        for statement in _CREATE:
            connection.execute(statement)
        connection.execute(f"COMMENT ON FUNCTION {_RUN_FUNCTION}() IS '{_FINGERPRINT}'".encode())
    return True


def installed(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the database has these functions and every trigger."""
    row = connection.execute(
        "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgname = %s AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
        " AND obj_description(to_regproc(%s)::oid, 'pg_proc') = %s",
        (_TRIGGER, _RUN_FUNCTION, _FINGERPRINT),
    ).fetchone()
    return row is not None and row[0] == len(_TRIGGERS)


def remove(connection: psycopg.Connection[Any]) -> None:
    """Drop the functions and their triggers, as far as they are there."""
    for name in _FUNCTIONS:
        connection.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE".encode())


def are_of_another_airfleet(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the database has triggers of these names whose functions are not the ones here."""
    row = connection.execute("SELECT obj_description(to_regproc(%s)::oid, 'pg_proc')", (_RUN_FUNCTION,)).fetchone()
    return row is not None and row[0] not in (None, _FINGERPRINT)


_TRIGGER = "airfleet_wake"
_RUN_FUNCTION = "airfleet_wake_for_run"

#: name -> body
_FUNCTIONS = {
    "airfleet_wake_for_task": """
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND (
        NEW.state IS NULL
        OR NEW.state NOT IN ('scheduled', 'queued', 'running', 'restarting')
        OR NEW.state = 'scheduled' AND OLD.state NOT IN ('up_for_retry', 'up_for_reschedule')
    ) THEN
        PERFORM pg_notify('airfleet_tasks', NEW.dag_id || chr(31) || NEW.run_id);
    END IF;
    RETURN NULL;
END""",
    _RUN_FUNCTION: """
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('airfleet_runs', '');
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('queued', 'running') THEN
            PERFORM pg_notify('airfleet_runs', NEW.dag_id || chr(31) || NEW.run_id);
        END IF;
    ELSIF NEW.state IS DISTINCT FROM OLD.state AND NOT (NEW.state = 'running' AND OLD.state = 'queued') THEN
        PERFORM pg_notify('airfleet_runs', NEW.dag_id || chr(31) || NEW.run_id);
    END IF;
    RETURN NULL;
END""",
    # As JSON: a Dag is written seldom, and a column that a later Airflow does not have counts as unchanged.
    "airfleet_wake_for_dag": f"""
DECLARE
    after jsonb := to_jsonb(NEW);
    before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{{}}' END;
    key text;
BEGIN
    FOREACH key IN ARRAY ARRAY['is_paused', 'is_stale', 'has_import_errors', 'exceeds_max_non_backfill',
        'next_dagrun_create_after', 'max_active_runs', 'max_active_tasks', 'bundle_name', 'asset_expression']
    LOOP
        IF after -> key IS DISTINCT FROM before -> key THEN
            PERFORM pg_notify('{DAGS}', NEW.dag_id || chr(31));
            EXIT;
        END IF;
    END LOOP;
    RETURN NULL;
END""",
    "airfleet_wake_for_version": """
BEGIN
    PERFORM pg_notify('airfleet_tasks', NEW.dag_id || chr(31));
    RETURN NULL;
END""",
    "airfleet_wake_for_job": """
BEGIN
    IF OLD.state = 'running' AND NEW.state IS DISTINCT FROM 'running' THEN
        IF NEW.job_type = 'SchedulerJob' THEN
            PERFORM pg_notify('airfleet_jobs', '');
        ELSE
            PERFORM pg_notify('airfleet_sleepers', '');
        END IF;
    END IF;
    RETURN NULL;
END""",
    "airfleet_wake_channel": """
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END""",
}

#: table, when, each row or statement, function with its arguments
_TRIGGERS = (
    ("task_instance", "UPDATE", "ROW", "airfleet_wake_for_task()"),
    ("dag_run", "INSERT OR UPDATE OR DELETE", "ROW", "airfleet_wake_for_run()"),
    ("dag", "INSERT OR UPDATE", "ROW", "airfleet_wake_for_dag()"),
    ("dag_version", "INSERT", "ROW", "airfleet_wake_for_version()"),
    ("serialized_dag", "INSERT OR UPDATE", "ROW", "airfleet_wake_for_version()"),
    ("job", "UPDATE", "ROW", "airfleet_wake_for_job()"),
    ("asset_dag_run_queue", "INSERT OR UPDATE", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("asset_partition_dag_run", "INSERT", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("partitioned_asset_key_log", "INSERT", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("backfill", "UPDATE", "STATEMENT", f"airfleet_wake_channel('{RUNS}')"),
    ("slot_pool", "INSERT OR UPDATE", "STATEMENT", f"airfleet_wake_channel('{TASKS}')"),
    ("trigger", "INSERT", "STATEMENT", f"airfleet_wake_channel('{SLEEPERS}')"),
    ("dag_priority_parsing_request", "INSERT", "STATEMENT", f"airfleet_wake_channel('{SLEEPERS}')"),
    ("callback", "INSERT", "STATEMENT", f"airfleet_wake_channel('{OTHER}')"),
    ("connection_test_request", "INSERT", "STATEMENT", f"airfleet_wake_channel('{OTHER}')"),
)

_CREATE = tuple(
    statement.encode()
    for statement in (
        *(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$"
            for name, body in _FUNCTIONS.items()
        ),
        *(
            f"CREATE TRIGGER {_TRIGGER} AFTER {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}"
            for table, when, each, function in _TRIGGERS
        ),
    )
)
_FINGERPRINT = hashlib.sha256(b"\n".join(_CREATE)).hexdigest()
