"""Tasks that can plainly be queued, chosen and marked as queued by one statement.

Airflow's choice takes seven statements, loads every task instance that it examines, and writes a line about each; where
a Dag has many tasks that wait for one another's room, most of what it examines finds none. The choice
is plain while only the room of runs (``max_active_tasks``) limits it. That is so while the pools have more slots than
the chosen tasks need, no task names an executor, and no Dag limits how often one of its tasks runs at once. Then the
order is Airflow's: by priority, the logical date, the map index. Otherwise nothing is marked, and Airflow chooses.

Like Airflow's (reference: ``SchedulerJobRunner._executable_task_instances_to_queued``), it is made under the advisory
lock of the schedulers' critical section. That comes first, in a statement of its own: what a statement sees is settled
when it begins. A task that somebody else has locked just then is left for the next pass, and so is one that changes
between the choice and the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

#: the tasks that are next; the limits that are not plain; and what is marked, in its order
CHOOSE = """
WITH active AS MATERIALIZED (
    SELECT dag_id, run_id, count(*) AS count FROM task_instance WHERE state IN ('running', 'queued')
    GROUP BY dag_id, run_id
), waiting AS (
    SELECT ti.id, ti.pool, ti.pool_slots, ti.executor, dag.has_task_concurrency_limits AS limited,
        ti.priority_weight, dag_run.logical_date, ti.map_index,
        dag.max_active_tasks - coalesce(active.count, 0) AS room,
        row_number() OVER (
            PARTITION BY ti.dag_id, ti.run_id ORDER BY ti.priority_weight DESC, dag_run.logical_date, ti.map_index
        ) AS place
    FROM task_instance ti
    JOIN dag_run ON dag_run.dag_id = ti.dag_id AND dag_run.run_id = ti.run_id
    JOIN dag ON dag.dag_id = ti.dag_id
    LEFT JOIN active ON active.dag_id = ti.dag_id AND active.run_id = ti.run_id
    WHERE ti.state = 'scheduled' AND dag_run.state = 'running' AND NOT dag.is_paused AND dag.bundle_name IS NOT NULL
        AND coalesce(active.count, 0) < dag.max_active_tasks
), next AS MATERIALIZED (
    SELECT * FROM waiting WHERE place <= room ORDER BY priority_weight DESC, logical_date, map_index LIMIT :most
), wanted AS (
    SELECT pool, sum(pool_slots) AS slots FROM next GROUP BY pool
), taken AS (
    SELECT wanted.pool, coalesce(sum(ti.pool_slots), 0) AS slots
    FROM wanted JOIN slot_pool ON slot_pool.pool = wanted.pool
    LEFT JOIN task_instance ti ON ti.pool = wanted.pool AND ti.state IN ('running', 'queued', 'deferred')
        AND (ti.state <> 'deferred' OR slot_pool.include_deferred)
    GROUP BY wanted.pool
), verdict AS MATERIALIZED (
    SELECT NOT EXISTS (SELECT FROM next WHERE limited OR executor IS NOT NULL) AND NOT EXISTS (
        SELECT FROM wanted
        LEFT JOIN slot_pool ON slot_pool.pool = wanted.pool
        LEFT JOIN taken ON taken.pool = wanted.pool
        WHERE slot_pool.pool IS NULL OR (slot_pool.slots <> -1 AND slot_pool.slots - taken.slots < wanted.slots)
    ) AS plain
), free AS (
    SELECT id FROM task_instance
    WHERE id = ANY(ARRAY(SELECT id FROM next)) AND state = 'scheduled' AND (SELECT plain FROM verdict)
    FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE task_instance ti
    SET state = 'queued', queued_dttm = :now, queued_by_job_id = :job_id, updated_at = :now,
        external_executor_id = gen_random_uuid()::text
    FROM free WHERE ti.id = free.id
    RETURNING ti.id
)
SELECT (SELECT plain FROM verdict), ARRAY(
    SELECT next.id FROM next JOIN marked ON marked.id = next.id ORDER BY priority_weight DESC, logical_date, map_index
)
"""

_CHOOSE = text(CHOOSE)


def choose(run: Callable[[Any, dict[str, Any]], Any], most: int, job_id: int, now: datetime) -> Sequence[UUID] | None:
    """Queue up to ``most`` task instances and return them in their order; None where the choice is not plain.

    ``run`` executes a statement in the transaction that holds the lock. Raises what it raises.
    """
    plain, ids = run(_CHOOSE, {"most": most, "job_id": job_id, "now": now}).one()
    return ids if plain else None
