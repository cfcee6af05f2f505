"""The trigger that stamps heartbeats of components by one clock, the database's.

In stock Airflow a scheduler, a triggerer or a dag-processor writes its heartbeat by the clock of its host, and others
compare it with theirs. Where two clocks differ by more than the heartbeat timeout, a live component counts as dead: a
scheduler that is ahead marks all others as failed and takes their tasks, one that is behind is marked (Airflow's
``SchedulerJobRunner.adopt_or_reset_orphaned_tasks``). With the trigger on table ``job``

- a heartbeat has the time at which the database received it;
- a job with a young heartbeat stays *running* when an update sets *failed* without an end date. Updates that know of
  the end set the date: Airflow's when a job ends by itself, the agent's when the process is gone.

Only the text of the function names columns, so the trigger blocks no migration of Airflow; it is removed meanwhile.
"""

from __future__ import annotations

from typing import Any

import psycopg

#: seconds for which a heartbeat protects its job from being marked as failed, as long as
#: ``[scheduler] scheduler_health_check_threshold``
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
    """Create or replace the function, and create the trigger where it is missing."""
    with connection.transaction():
        connection.execute(_MAKE_FUNCTION.encode())
        if connection.execute(_IS_THERE, (_TRIGGER,)).fetchone() is None:
            connection.execute(_MAKE_TRIGGER.encode())


def installed(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the trigger is there and enabled."""
    return connection.execute(_IS_THERE, (_TRIGGER,)).fetchone() is not None


def remove(connection: psycopg.Connection[Any]) -> None:
    """Drop the trigger and its function, if they are there."""
    connection.execute(f"DROP FUNCTION IF EXISTS {_FUNCTION}() CASCADE".encode())
