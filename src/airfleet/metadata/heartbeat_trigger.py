"""Whether a component lives is told by one clock, the database's.

A scheduler, a triggerer or a dag-processor writes its heartbeat by the clock of its host, and others compare it with
theirs. Where two clocks differ by more than a heartbeat may be old, each finds the living dead: a scheduler that is
ahead marks all others as failed and takes their tasks, one that is behind is marked (Airflow's
``SchedulerJobRunner.adopt_or_reset_orphaned_tasks``). A trigger on the table of jobs sees to it that

- a heartbeat is of the moment when the database hears it, whatever time was given;
- a job whose heartbeat is young by that clock stays *running* when somebody says no more than that it has failed. Who
  knows better says when it ended, too: Airflow of a job that ends by itself, an agent of a process that is gone.

The function's text alone names columns, so the trigger stands in the way of no migration; it is taken away meanwhile.
"""

from __future__ import annotations

from typing import Any

import psycopg

#: a heartbeat that is older may be that of a dead scheduler: ``[scheduler] scheduler_health_check_threshold``, seconds
YOUNG_SECONDS = 12

_FUNCTION, _TRIGGER = "airfleet_heartbeat", "airfleet_heartbeat"
_MAKE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.latest_heartbeat := clock_timestamp();
        RETURN NEW;
    END IF;
    IF OLD.state = 'running' AND NEW.state = 'failed' AND NEW.end_date IS NULL
        AND OLD.latest_heartbeat > clock_timestamp() - interval '{YOUNG_SECONDS} s' THEN
        RETURN NULL;
    END IF;
    IF NEW.latest_heartbeat IS DISTINCT FROM OLD.latest_heartbeat THEN
        NEW.latest_heartbeat := clock_timestamp();
    END IF;
    RETURN NEW;
END$body$
"""
_MAKE_TRIGGER = f"CREATE TRIGGER {_TRIGGER} BEFORE INSERT OR UPDATE ON job FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()"
_IS_THERE = """
SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgrelid = 'job'::regclass AND tgenabled <> 'D'
"""


def install(connection: psycopg.Connection[Any]) -> None:
    """Make the trigger where it is not there yet."""
    with connection.transaction():
        connection.execute(_MAKE_FUNCTION.encode())
        if connection.execute(_IS_THERE, (_TRIGGER,)).fetchone() is None:
            connection.execute(_MAKE_TRIGGER.encode())


def installed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the trigger is there."""
    return connection.execute(_IS_THERE, (_TRIGGER,)).fetchone() is not None


def remove(connection: psycopg.Connection[Any]) -> None:
    """Take it away again, if it is there."""
    connection.execute(f"DROP FUNCTION IF EXISTS {_FUNCTION}() CASCADE".encode())
