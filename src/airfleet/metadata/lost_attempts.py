"""Lost attempts: reported by agents, handled by schedulers, and kept as a record in table ``airfleet_lost``.

An agent writes a row when an attempt is *running* in the database and has no process on the agent's host. A scheduler
handles the row (:mod:`airfleet.scheduler.orphan_recovery`) and writes its outcome. Rows stay for :data:`KEPT_DAYS`:
they count how often a task was lost, and tell a person why it ran again.

The key of an attempt is the id of its task instance and its Celery id: a deferral changes only the latter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, LiteralString

import psycopg

#: days for which handled rows are kept
KEPT_DAYS = 7


class LostOutcome(StrEnum):
    """The decision of a scheduler about a lost attempt, as the table keeps it."""

    #: the task runs again under a new id, at no cost in retries
    RERUN = "rerun"
    #: the task fails as Airflow fails a task without heartbeats
    FAIL = "fail"
    #: the task was cleared meanwhile, and runs again with all its retries
    CLEARED = "cleared"
    #: the attempt has ended by the database
    OVER = "over"
    #: a worker's result says that the attempt ended by itself
    TOLD = "told"


#: attempts that run on a host by the database: id, pid, whether cleared meanwhile, last heartbeat (epoch), Celery id
RUNNING_HERE: LiteralString = """
SELECT id::text, pid, state = 'restarting', extract(epoch FROM last_heartbeat_at)::float,
    coalesce(external_executor_id, '')
FROM task_instance WHERE state IN ('running', 'restarting') AND hostname = %s
"""

_REPORT: LiteralString = """
WITH reported AS (
    INSERT INTO airfleet_lost (ti_id, celery_id, dag_id, run_id, task_id, map_index, try_number, hostname)
    SELECT id, coalesce(external_executor_id, ''), dag_id, run_id, task_id, map_index, try_number, hostname
    FROM task_instance WHERE state IN ('running', 'restarting') AND hostname = %(hostname)s
"""
_AND_WAKE: LiteralString = """
    ON CONFLICT DO NOTHING
    RETURNING number
), told AS (SELECT pg_notify('airfleet_lost', '') FROM reported LIMIT 1)
SELECT (SELECT count(*) FROM reported)::int, (SELECT count(*) FROM told)::int
"""
_THESE: LiteralString = """
    AND (id, coalesce(external_executor_id, '')) IN (SELECT * FROM unnest(%(ids)s::uuid[], %(celery_ids)s::text[]))
"""
#: Reports those among ``ids`` (with their ``celery_ids``) that are still running on ``hostname`` by the database, and
#: notifies the schedulers when there is one; returns how many are new. An attempt that was deferred meanwhile and runs
#: again has another Celery id.
REPORT: LiteralString = _REPORT + _THESE + _AND_WAKE
#: Reports all attempts of a host. Precondition: no process is left there.
REPORT_HOST: LiteralString = _REPORT + _AND_WAKE

#: notifies the schedulers that a worker is gone, perhaps with messages that it had prefetched
WORKER_GONE: LiteralString = "SELECT pg_notify('airfleet_lost', 'queued')"

_FORGET = f"DELETE FROM airfleet_lost WHERE handled_at < now() - interval '{KEPT_DAYS} days'"


def forget_old(connection: psycopg.Connection[Any]) -> None:
    """Delete the rows that were handled more than :data:`KEPT_DAYS` days ago."""
    connection.execute(_FORGET.encode())
