"""Statements of PostgreSQL for the requests that nearly every attempt makes of the API, one for each. [A]

Airflow's handlers for a start, a success, rendered fields and an XCom are written for every case there is: four to
seven statements each, objects for whole rows, and a change of thread. These are for the plain case alone, and leave the
same rows behind (reference: ``ti_run``, ``ti_update_state``, ``ti_put_rtif``, ``set_xcom`` and ``get_xcom`` in
airflow/api_fastapi/execution_api/routes; tests compare both on equal databases). Each finds its row only in the state
that makes the case plain, under the lock of its own update. One that finds none has changed nothing, and Airflow's
handler then has to say what is to be done.

Each is a transaction by itself: one question to the database, its commit included, where a session needs three (is the
connection alive, the statement, the commit). A connection that is dead after all is noticed by the statement.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

import structlog
from airflow import settings
from airflow._shared.secrets_masker import redact
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
from sqlalchemy.engine import make_url

from airfleet.api_server.connection_pool import Connection, KeptConnections

log = structlog.get_logger(__name__)

#: Connections, all of which are kept: to open one costs PostgreSQL a process, and both sides the check of a password. A
#: request that finds none free waits for some milliseconds.
_KEPT = 4

#: what a record of the change needs is there
_IS_COMPLETE = """EXISTS (
          SELECT FROM dag_run run JOIN dag USING (dag_id)
          WHERE run.dag_id = task_instance.dag_id AND run.run_id = task_instance.run_id
      )"""

_LOGGED = """
INSERT INTO log (dttm, dag_id, task_id, map_index, event, logical_date, run_id, owner, extra, try_number)
SELECT CAST(%(now)s AS timestamptz), ti.dag_id, ti.task_id, ti.map_index, %(event)s, run.logical_date, ti.run_id,
       nullif(dag.owners, ''), '{"host_name": ' || to_json(nullif(ti.hostname, '')) || '}', ti.try_number
FROM ti JOIN dag_run run ON run.dag_id = ti.dag_id AND run.run_id = ti.run_id JOIN dag ON dag.dag_id = ti.dag_id
RETURNING dag_id, task_id, run_id, map_index, try_number
"""

#: the run of a task as an attempt is told it; without its note: Airflow's own answer leaves that out
_RUN = [column for column in DagRunRow.__table__.columns if column.name in DagRun.model_fields]

_BEGIN = f"""
WITH ti AS (
    UPDATE task_instance
    SET state = 'running', start_date = %(start_date)s, end_date = NULL, hostname = %(hostname)s,
        unixname = %(unixname)s, pid = %(pid)s, last_heartbeat_at = %(now)s, updated_at = %(now)s,
        retry_delay_override = NULL, retry_reason = NULL
    WHERE id = %(id)s AND state = 'queued' AND next_method IS NULL
      AND (next_kwargs IS NULL OR next_kwargs::text IN ('null', '{{}}')) AND {_IS_COMPLETE}
      AND NOT EXISTS (
          SELECT FROM {consumed.name} JOIN dag_run run ON run.id = dag_run_id
          WHERE run.dag_id = task_instance.dag_id AND run.run_id = task_instance.run_id
      )
    RETURNING dag_id, task_id, run_id, map_index, try_number, max_tries, hostname
), logged AS ({_LOGGED})
SELECT ti.try_number, ti.max_tries,
    (SELECT count(*) FROM task_reschedule WHERE ti_id = %(id)s) AS reschedules,
    (SELECT array_agg(key) FROM xcom WHERE xcom.dag_id = ti.dag_id AND xcom.run_id = ti.run_id
        AND xcom.task_id = ti.task_id AND (ti.map_index = -1 OR xcom.map_index = ti.map_index)) AS xcoms,
    {", ".join(f"run.{column.name}" for column in _RUN)}
FROM ti JOIN logged USING (dag_id, run_id) JOIN dag_run run USING (dag_id, run_id)
"""

_SUCCEED = f"""
WITH ti AS (
    UPDATE task_instance
    SET state = 'success', end_date = CAST(%(end_date)s AS timestamptz), updated_at = %(now)s,
        duration = EXTRACT(EPOCH FROM CAST(%(end_date)s AS timestamptz) - start_date),
        rendered_map_index = CASE WHEN %(renders)s THEN %(rendered_map_index)s ELSE rendered_map_index END,
        next_method = NULL, next_kwargs = NULL
    WHERE id = %(id)s AND state = 'running' AND {_IS_COMPLETE}
    RETURNING dag_id, task_id, run_id, map_index, try_number, hostname
)
{_LOGGED}
"""

_PUSH = """
INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_result, dag_id, run_id, value, timestamp)
SELECT id, %(task_id)s, %(map_index)s, %(key)s, %(dag_result)s, dag_id, run_id,
    CAST(%(value)s AS jsonb), CAST(%(now)s AS timestamptz)
FROM dag_run WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s
ON CONFLICT (dag_run_id, task_id, map_index, key)
DO UPDATE SET value = EXCLUDED.value, dag_result = EXCLUDED.dag_result, timestamp = EXCLUDED.timestamp
RETURNING 1
"""

#: as text: what PostgreSQL writes is what Python would read, and write again
_PULL = """
SELECT coalesce(value::text, 'null') FROM xcom
WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s AND task_id = %(task_id)s AND map_index = %(map_index)s
    AND key = %(key)s
"""

# What is rendered is kept for the latest runs of a Dag. Airflow stores it first and then removes what is older: of a
# run that is older itself nothing stays. A statement cannot remove what it stores, so that is not stored here.
_RENDER = """
WITH ti AS (
    SELECT dag_id, task_id, run_id, map_index FROM task_instance WHERE id = %(id)s
), kept AS (
    SELECT run_id FROM dag_run WHERE dag_id = (SELECT dag_id FROM ti) ORDER BY run_after DESC LIMIT %(kept)s
), stored AS (
    INSERT INTO rendered_task_instance_fields (dag_id, task_id, run_id, map_index, rendered_fields, k8s_pod_yaml)
    SELECT dag_id, task_id, run_id, map_index, CAST(%(fields)s AS json), 'null' FROM ti
    WHERE run_id IN (SELECT run_id FROM kept)
    ON CONFLICT (dag_id, task_id, run_id, map_index)
    DO UPDATE SET rendered_fields = EXCLUDED.rendered_fields, k8s_pod_yaml = EXCLUDED.k8s_pod_yaml
), removed AS (
    DELETE FROM rendered_task_instance_fields fields USING ti
    WHERE fields.dag_id = ti.dag_id AND fields.task_id = ti.task_id AND fields.run_id NOT IN (SELECT run_id FROM kept)
)
SELECT 1 FROM ti
"""


def database() -> KeptConnections | None:
    """Return connections to Airflow's database, each statement a transaction; None when it is not PostgreSQL."""
    url = settings.SQL_ALCHEMY_CONN
    if url is None or make_url(url).drivername != "postgresql+psycopg":
        return None
    engine = settings.create_async_metadata_engine(
        url, connect_args=settings._get_connect_args("sync"), engine_args={"isolation_level": "AUTOCOMMIT"}
    )
    return KeptConnections(engine, _KEPT)


async def begin(connection: Connection, ti: UUID, payload: TIEnterRunningPayload) -> TIRunContext | None:
    """Start a queued task that does not go on after a trigger; None when it is anything else."""
    told = {name: getattr(payload, name) for name in ("hostname", "unixname", "pid", "start_date")}
    begun = await _row(connection, _BEGIN, {"id": ti, "now": timezone.utcnow(), "event": "running", **told})
    if begun is None:
        return None
    log.info("Task started", previous_state="queued", hostname=payload.hostname)
    return _context(*begun)


def _context(try_number: int, max_tries: int, reschedules: int, xcoms: list[str] | None, *run: Any) -> TIRunContext:
    fields: dict[str, Any] = dict.fromkeys(DagRun.model_fields)
    fields |= {column.name: value for column, value in zip(_RUN, run, strict=True)}
    return TIRunContext(
        dag_run=DagRun(**fields | {"consumed_asset_events": []}),
        task_reschedule_count=reschedules,
        max_tries=max_tries,
        variables=[],
        connections=[],
        xcom_keys_to_clear=xcoms or [],
        should_retry=max_tries != 0 and try_number <= max_tries,
    )


async def _row(connection: Connection, statement: LiteralString, told: Mapping[str, Any]) -> tuple[Any, ...] | None:
    return await (await connection.execute(statement, told)).fetchone()


async def succeed(connection: Connection, ti: UUID, payload: TISuccessStatePayload) -> bool:
    """End a running task that tells of no assets; False when there is more to it."""
    clears = conf.getboolean("state_store", "clear_on_success")
    if payload.task_outlets or payload.outlet_events or clears:
        return False
    told = {
        "id": ti,
        "now": timezone.utcnow(),
        "event": "success",
        "end_date": payload.end_date,
        "renders": "rendered_map_index" in payload.model_fields_set,
        "rendered_map_index": payload.rendered_map_index,
    }
    if await _row(connection, _SUCCEED, told) is None:
        return False
    log.info("Task instance state updated", new_state="success", rows_affected=1)
    return True


async def render(connection: Connection, ti: UUID, fields: Mapping[str, Any]) -> bool:
    """Store the rendered fields of a task; False when it is not there, or there is more to it."""
    kept = conf.getint("core", "num_dag_runs_to_retain_rendered_fields", fallback=0)
    if not fields or kept <= 0 or os.environ.get("AIRFLOW_IS_K8S_EXECUTOR_POD"):
        return False
    hidden = {name: redact(value, name) for name, value in fields.items()}
    if await _row(connection, _RENDER, {"id": ti, "kept": kept, "fields": json.dumps(hidden)}) is None:
        return False
    log.info("Updating RenderedTaskInstanceFields", field_count=len(fields))
    return True


async def push(connection: Connection, value: Any, names: Mapping[str, Any]) -> bool:
    """Store an XCom; False when its run is not there, or it says more than a value."""
    if names.get("mapped_length") is not None:
        return False
    stored = {"map_index": -1, "dag_result": False, **names, "value": json.dumps(value), "now": timezone.utcnow()}
    return await _row(connection, _PUSH, stored) is not None


async def pull(connection: Connection, names: Mapping[str, Any]) -> bytes | None:
    """Return the value of an XCom, as JSON; None when there is none."""
    found = await _row(connection, _PULL, {"map_index": -1, **names})
    return None if found is None else str(found[0]).encode()
