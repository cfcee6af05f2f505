"""What nearly every attempt tells the API, each as one statement of PostgreSQL. [A]

Airflow's handlers for a start, a success and an XCom are written for every case there is: four to seven statements
each, and objects for whole rows. These are for the plain case alone, and leave the same rows behind (reference:
``ti_run``, ``ti_update_state`` and ``set_xcom`` in airflow/api_fastapi/execution_api/routes; tests compare both on
equal databases). Each finds its row only in the state that makes the case plain, under the lock of its own update. One
that finds none has changed nothing, and Airflow's handler then has to say what is to be done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from airflow._shared.timezones import timezone
from airflow.api_fastapi.execution_api.datamodels.taskinstance import (
    DagRun,
    TIEnterRunningPayload,
    TIRunContext,
    TISuccessStatePayload,
)
from airflow.configuration import conf
from airflow.models.asset import association_table as consumed
from airflow.models.dagrun import DagRun as DagRunRow
from airflow.models.taskreschedule import TaskReschedule
from airflow.models.xcom import XComModel
from sqlalchemy import bindparam, exists, func, literal, select, text
from sqlalchemy.orm import Session

log = structlog.get_logger(__name__)

_LOGGED = """
INSERT INTO log (dttm, dag_id, task_id, map_index, event, logical_date, run_id, owner, extra, try_number)
SELECT CAST(:now AS timestamptz), ti.dag_id, ti.task_id, ti.map_index, :event, run.logical_date, ti.run_id,
       nullif(dag.owners, ''), '{"host_name": ' || to_json(nullif(ti.hostname, '')) || '}', ti.try_number
FROM ti JOIN dag_run run ON run.dag_id = ti.dag_id AND run.run_id = ti.run_id JOIN dag ON dag.dag_id = ti.dag_id
RETURNING dag_id, task_id, run_id, map_index, try_number
"""

_BEGIN = text(f"""
WITH ti AS (
    UPDATE task_instance
    SET state = 'running', start_date = :start_date, end_date = NULL, hostname = :hostname, unixname = :unixname,
        pid = :pid, last_heartbeat_at = :now, updated_at = :now, retry_delay_override = NULL, retry_reason = NULL
    WHERE id = :id AND state = 'queued' AND next_method IS NULL
      AND (next_kwargs IS NULL OR next_kwargs::text IN ('null', '{{}}'))
    RETURNING dag_id, task_id, run_id, map_index, try_number, hostname
), logged AS ({_LOGGED})
SELECT logged.*, max_tries FROM logged, task_instance WHERE id = :id
""")

_SUCCEED = text(f"""
WITH ti AS (
    UPDATE task_instance
    SET state = 'success', end_date = CAST(:end_date AS timestamptz), updated_at = :now,
        duration = EXTRACT(EPOCH FROM CAST(:end_date AS timestamptz) - start_date),
        rendered_map_index = CASE WHEN :renders THEN :rendered_map_index ELSE rendered_map_index END,
        next_method = NULL, next_kwargs = NULL
    WHERE id = :id AND state = 'running'
    RETURNING dag_id, task_id, run_id, map_index, try_number, hostname
)
{_LOGGED}
""")

_PUSH = text("""
INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_result, dag_id, run_id, value, timestamp)
SELECT id, :task_id, :map_index, :key, :dag_result, dag_id, run_id, CAST(:value AS jsonb), CAST(:now AS timestamptz)
FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id
ON CONFLICT (dag_run_id, task_id, map_index, key)
DO UPDATE SET value = EXCLUDED.value, dag_result = EXCLUDED.dag_result, timestamp = EXCLUDED.timestamp
RETURNING 1
""")

#: what the run of a task that has begun looks like, and what Airflow asks beside
_CONTEXT = (
    # Without the note of a run: Airflow's own answer leaves it out.
    select(
        *(column for column in DagRunRow.__table__.columns if column.name in DagRun.model_fields),
        exists().where(consumed.c.dag_run_id == DagRunRow.id).label("consumes"),
        select(func.array_agg(XComModel.key))
        .where(
            XComModel.dag_id == DagRunRow.dag_id,
            XComModel.run_id == DagRunRow.run_id,
            XComModel.task_id == bindparam("task"),
            (literal(-1) == bindparam("index")) | (XComModel.map_index == bindparam("index")),
        )
        .scalar_subquery()
        .label("xcoms"),
        select(func.count(TaskReschedule.id))
        .where(TaskReschedule.ti_id == bindparam("ti"))
        .scalar_subquery()
        .label("reschedules"),
    ).where(DagRunRow.dag_id == bindparam("dag"), DagRunRow.run_id == bindparam("run"))
)


def begin(session: Session, ti: UUID, payload: TIEnterRunningPayload) -> TIRunContext | None:
    """Start a queued task that does not go on after a trigger; None when it is anything else."""
    if not _is_postgres(session):
        return None
    begun = session.execute(
        _BEGIN, {"id": ti, "now": timezone.utcnow(), "event": "running", **_start(payload)}
    ).one_or_none()
    if begun is None:
        session.rollback()
        return None
    run = session.execute(
        _CONTEXT, {"dag": begun.dag_id, "run": begun.run_id, "task": begun.task_id, "index": begun.map_index, "ti": ti}
    ).one_or_none()
    if run is None or run.consumes:
        session.rollback()
        return None
    log.info("Task started", previous_state="queued", hostname=payload.hostname)
    return _context(begun, run)


def _start(payload: TIEnterRunningPayload) -> dict[str, Any]:
    return {name: getattr(payload, name) for name in ("hostname", "unixname", "pid", "start_date")}


def _context(begun: Any, run: Any) -> TIRunContext:
    fields: dict[str, Any] = {name: getattr(run, name, None) for name in DagRun.model_fields}
    return TIRunContext(
        dag_run=DagRun(**fields | {"consumed_asset_events": []}),
        task_reschedule_count=run.reschedules,
        max_tries=begun.max_tries,
        variables=[],
        connections=[],
        xcom_keys_to_clear=run.xcoms or [],
        should_retry=begun.max_tries != 0 and begun.try_number <= begun.max_tries,
    )


def succeed(session: Session, ti: UUID, payload: TISuccessStatePayload) -> bool:
    """End a running task that tells of no assets; False when there is more to it."""
    clears = conf.getboolean("state_store", "clear_on_success")
    if payload.task_outlets or payload.outlet_events or clears or not _is_postgres(session):
        return False
    ended = session.execute(
        _SUCCEED,
        {
            "id": ti,
            "now": timezone.utcnow(),
            "event": "success",
            "end_date": payload.end_date,
            "renders": "rendered_map_index" in payload.model_fields_set,
            "rendered_map_index": payload.rendered_map_index,
        },
    ).one_or_none()
    if ended is None:
        session.rollback()
        return False
    log.info("Task instance state updated", new_state="success", rows_affected=1)
    return True


def push(session: Session, value: Any, names: Mapping[str, Any]) -> bool:
    """Store an XCom; False when its run is not there, or it says more than a value."""
    if names.get("mapped_length") is not None or not _is_postgres(session):
        return False
    stored = {"map_index": -1, "dag_result": False, **names, "value": json.dumps(value), "now": timezone.utcnow()}
    return session.execute(_PUSH, stored).one_or_none() is not None


def _is_postgres(session: Session) -> bool:
    return session.bind is not None and session.bind.dialect.name == "postgresql"
