"""The attempts that were lost with their processes: told by agents, acted upon by schedulers, kept as a record.

An agent writes a row when the database calls an attempt running on its host and no process of it is left there. A
scheduler takes the row and decides (:mod:`airfleet.scheduler.orphan_recovery`). Its outcome and what it was about stay
in the table for some days: they count how often a task was lost, and tell a person why it ran again.

An attempt is named by the task instance and its Celery id: the first alone stays the same over a deferral.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

#: days for which rows are kept
KEPT_DAYS = 7

#: attempts that the database calls running on a host: id, pid, whether cleared meanwhile, last sign of life (epoch),
#: Celery id
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
#: Tells of those among ``ids`` (with their ``celery_ids``) that are running on ``hostname`` even now, and wakes the
#: schedulers when there is one; how many are new. One that was deferred since it was looked at, and runs again, has
#: another Celery id.
REPORT: LiteralString = _REPORT + _THESE + _AND_WAKE
#: The same of all that ran on a host. Only for who knows that no process is left there.
REPORT_HOST: LiteralString = _REPORT + _AND_WAKE

#: a worker is gone, and with it perhaps messages that it had taken and not begun
WORKER_GONE: LiteralString = "SELECT pg_notify('airfleet_lost', 'queued')"

_FORGET = f"DELETE FROM airfleet_lost WHERE handled_at < now() - interval '{KEPT_DAYS} days'"


def forget_old(connection: psycopg.Connection[Any]) -> None:
    """Delete the rows that were handled more than :data:`KEPT_DAYS` days ago."""
    connection.execute(_FORGET.encode())
