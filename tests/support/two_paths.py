"""Sends each request to Airflow's own application and by the short path, on equal states of a database. [A]

A process of its own, with Airflow configured for that database; prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from support import odd_requests
from support.beside_airflow import store_dags
from support.odd_requests import Request

DAG_ID, RUN_ID, OTHER = "two_paths", "one", "01900000-0000-7000-8000-000000000000"
RUN = {
    "state": "running",
    "hostname": "here",
    "unixname": "somebody",
    "pid": 7,
    "start_date": "2026-01-01T00:00:00Z",
}
BEAT = {"hostname": "here", "pid": 7}
END = "2026-01-01T01:00:00Z"
FIELDS = {"bash_command": "echo {}", "env": None, "n": [1, 2.5, True, None, {"deep": "ä"}]}


@dataclass(frozen=True)
class Case:
    """One request, the state of its task before, and whether it may go by the short path."""

    method: str
    #: below /execution; TI stands for the task instance's id
    path: str
    body: Any = None
    state: str = "queued"
    short: bool = True
    #: what is different about the token: another claim, another life, another subject
    claims: Mapping[str, Any] = field(default_factory=dict)
    valid_for: float = 600.0
    #: changes of the headers; None takes one away
    headers: Mapping[str, str | None] = field(default_factory=dict)
    raw: bytes | None = None
    #: what is done to the database before
    before: tuple[str, ...] = ()
    #: how many statements the short path may need; None where it calls Airflow's handler
    statements: int | None = None


def _ti(last: str, body: Any = None, **more: Any) -> Case:
    method = "PUT" if last in ("heartbeat", "rtif") else "PATCH"
    return Case(method, f"/task-instances/TI/{last}", body, **more)


def _xcom(value: Any, key: str = "return_value", **more: Any) -> Case:
    return Case("POST", f"/xcoms/{DAG_ID}/{RUN_ID}/a/{key}", value, state="running", **more)


def _asked(key: str = "return_value", **more: Any) -> Case:
    headers = {"content-type": None, **more.pop("headers", {})}
    return Case("GET", f"/xcoms/{DAG_ID}/{RUN_ID}/a/{key}", state="running", raw=b"", headers=headers, **more)


def _end(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "end_date": END, **more}


MUCH = (
    "UPDATE dag_run SET conf = '{\"a\": [1, {\"b\": null}]}', triggering_user_name = 'me', clear_number = 2,"
    " partition_key = 'p', end_date = '2026-01-03', data_interval_start = NULL"
)
NOTE = (
    "INSERT INTO dag_run_note (dag_run_id, content, created_at, updated_at) SELECT id, 'n', now(), now() FROM dag_run"
)
_XCOM = (
    "INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)"
    " SELECT id, 'a', {}, 'return_value', dag_id, run_id, '1', now() FROM dag_run"
)
XCOM, MAPPED_XCOM = _XCOM.format(-1), _XCOM.format(3)
#: how many odd requests are drawn
ODD = 60
#: what is hard to write down as it was
VALUE = '{"n": [1, 2.50, 1.5e300, -0.0, true, null], "text": "\\"ä\\n\\u0007 ", "": {"deep": []}}'
RESCHEDULED = (
    "INSERT INTO task_reschedule (ti_id, start_date, end_date, duration, reschedule_date)"
    " SELECT id, now(), now(), 0, '2026-01-02' FROM task_instance"
)
DEFERRED = "UPDATE task_instance SET next_method = 'go', next_kwargs = '{\"a\": 1}'"
ASSETS = (
    'INSERT INTO asset (id, name, uri, "group", extra, created_at, updated_at)'
    " VALUES (1, 'made', 'x://made', 'asset', '{}', '2026-01-01', '2026-01-01')",
    "INSERT INTO asset_active (name, uri) VALUES ('made', 'x://made')",
    "INSERT INTO asset_event (id, asset_id, extra, source_map_index, timestamp)"
    " VALUES (1000, 1, '{}', -1, '2026-01-01')",
    "INSERT INTO dagrun_asset_event (dag_run_id, event_id) SELECT id, 1000 FROM dag_run",
)

#: what was rendered for every task instance that there is, before
RENDERED = (
    "INSERT INTO rendered_task_instance_fields (dag_id, task_id, run_id, map_index, rendered_fields, k8s_pod_yaml)"
    " SELECT dag_id, task_id, run_id, map_index, '{\"a\": 1}', NULL FROM task_instance"
)


def _more_runs(first_day: str) -> tuple[str, ...]:
    """Forty more runs of the Dag with the same task, one after the other from a day on."""
    return (
        "INSERT INTO dag_run SELECT (jsonb_populate_record(run, jsonb_build_object('id', 1000 + number, 'run_id',"
        f" 'more-' || number, 'logical_date', NULL, 'run_after', timestamptz '{first_day}' + number * interval '1 day'"
        "))).* FROM dag_run run, generate_series(1, 40) number",
        "INSERT INTO task_instance SELECT (jsonb_populate_record(ti, jsonb_build_object('id', gen_random_uuid(),"
        " 'run_id', run.run_id))).* FROM task_instance ti, dag_run run WHERE run.run_id LIKE 'more-%'",
    )


#: every connection that waits for its next question is closed by the server
AWAY = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

CASES: dict[str, Case] = {
    # --- what attempts ask
    "run": _ti("run", RUN, statements=1),
    "run, with the token of the queue": _ti("run", RUN, claims={"scope": "workload"}, statements=1),
    "run, of a run with much to say": _ti("run", RUN, before=(MUCH, NOTE), statements=1),
    "run, with XComs of another try": _ti("run", RUN, before=(XCOM,), statements=1),
    "run, mapped": _ti("run", RUN, before=("UPDATE task_instance SET map_index = 3", MAPPED_XCOM), statements=1),
    "run, after it was rescheduled": _ti("run", RUN, before=(RESCHEDULED,), statements=1),
    "run, its last try": _ti("run", RUN, before=("UPDATE task_instance SET try_number = 3",), statements=1),
    "run, never again": _ti("run", RUN, before=("UPDATE task_instance SET max_tries = 0",), statements=1),
    "run, after a retry policy": _ti("run", RUN, statements=1, before=(
        "UPDATE task_instance SET retry_delay_override = 3, retry_reason = 'a', end_date = now()",)),
    "run, of a Dag with an owner": _ti("run", RUN, before=("UPDATE dag SET owners = 'me, you'",), statements=1),
    "run, on a host without a name": _ti("run", {**RUN, "hostname": ""}, statements=1),
    "run, because of assets": _ti("run", RUN, before=ASSETS),
    "run, again after its trigger": _ti("run", RUN, before=(DEFERRED,)),
    "run, again after a trigger, without arguments": _ti(
        "run", RUN, before=("UPDATE task_instance SET next_method = 'go', next_kwargs = NULL",)
    ),
    "run, the request comes again": _ti("run", RUN, state="running"),
    "run, restarting": _ti("run", RUN, state="restarting"),
    "run, after the database was away": _ti("run", RUN, before=(AWAY,)),
    "success, after the database was away": _ti("state", _end("success"), state="running", before=(AWAY,)),
    "heartbeat": _ti("heartbeat", BEAT, state="running"),
    "rendered fields": _ti("rtif", FIELDS, state="running", statements=1),
    "rendered fields, with a secret": _ti("rtif", {"password": "p", "env": {"api_key": "k"}}, state="running",
        statements=1),
    "rendered fields again": _ti("rtif", FIELDS, state="running", before=(RENDERED,), statements=1),
    "rendered fields of a mapped task": _ti("rtif", FIELDS, state="running", before=(
        "UPDATE task_instance SET map_index = 3",), statements=1),
    "rendered fields, and many older ones": _ti("rtif", FIELDS, state="running", before=(
        *_more_runs("2025-01-01"), RENDERED), statements=1),
    "rendered fields of a run that is too old": _ti("rtif", FIELDS, state="running", before=(
        *_more_runs("2027-01-01"), RENDERED), statements=1),
    "rendered fields after the database was away": _ti("rtif", FIELDS, state="running", before=(AWAY,)),
    "success": _ti("state", _end("success", task_outlets=[], outlet_events=[]), state="running", statements=1),
    "success, no more said": _ti("state", _end("success"), state="running", statements=1),
    "success, rendered": _ti("state", _end("success", rendered_map_index="a"), state="running", statements=1),
    "success, rendered to nothing": _ti("state", _end("success", rendered_map_index=None), state="running",
        before=("UPDATE task_instance SET rendered_map_index = 'before'",), statements=1),
    "success, rendered before": _ti("state", _end("success"), state="running",
        before=("UPDATE task_instance SET rendered_map_index = 'before'",), statements=1),
    "success, after its trigger": _ti("state", _end("success"), state="running", before=(DEFERRED,), statements=1),
    "success, on a host without a name": _ti("state", _end("success"), state="running",
        before=("UPDATE task_instance SET hostname = ''",), statements=1),
    "success, with an outlet": _ti("state", _end("success", task_outlets=[
        {"name": "made", "uri": "x://made", "type": "Asset"}]), state="running", before=ASSETS),
    "failed": _ti("state", _end("failed"), state="running"),
    "skipped": _ti("state", _end("skipped"), state="running"),
    "removed": _ti("state", _end("removed"), state="running"),
    "up for retry": _ti("state", _end("up_for_retry"), state="running"),
    "up for reschedule": _ti(
        "state", _end("up_for_reschedule", reschedule_date="2026-01-02T00:00:00Z"), state="running"
    ),
    "deferred": _ti(
        "state",
        {"state": "deferred", "classpath": "a.Trigger", "trigger_kwargs": {}, "next_method": "go"},
        state="running",
    ),
    "success again": _ti("state", _end("success"), state="success", short=True),
    "xcom": _xcom({"a": [1, None, "ü"]}, statements=1),
    "xcom of nothing": _xcom(None, statements=1),
    "xcom of a text": _xcom("text", statements=1),
    "xcom of a number": _xcom(1.5e300, statements=1),
    "xcom that was there": _xcom([2], before=(XCOM,), statements=1),
    "xcom of a mapped task": _xcom([1, 2], key="deep/key?map_index=-1&mapped_length=2"),
    "xcom of a run": _xcom(1, key="k?dag_result=true", statements=1),
    "an xcom is asked for": _asked(before=(XCOM,), statements=1),
    "an xcom with much in it is asked for": _asked(
        before=(XCOM, f"UPDATE xcom SET value = '{VALUE}'"), statements=1),
    "an xcom of nothing is asked for": _asked(before=(XCOM, "UPDATE xcom SET value = 'null'"), statements=1),
    "an xcom without a value is asked for": _asked(before=(XCOM, "UPDATE xcom SET value = NULL"), statements=1),
    "an xcom of a mapped task is asked for": _asked(
        "return_value?map_index=3", before=("UPDATE task_instance SET map_index = 3", MAPPED_XCOM), statements=1),
    "an xcom with an odd key is asked for": _asked(
        "a%20%22key%22%C3%A4", before=(XCOM, "UPDATE xcom SET key = 'a \"key\"ä'"), statements=1),
    "an xcom is asked for with the token of another task": _asked(before=(XCOM,), claims={"sub": OTHER}, statements=1),
    "an xcom is asked for after the database was away": _asked(before=(XCOM, AWAY), short=False),
    "correlation id": _ti("heartbeat", BEAT, state="running", headers={"correlation-id": "abc"}),
    # --- what only Airflow itself answers
    "no rendered fields": _ti("rtif", {}, state="running", short=False),  # its handler fails
    "xcom of a mapped task that is not there": _xcom(1, key="k?map_index=3", short=False),
    "no token": _ti("run", RUN, short=False, headers={"authorization": None}),
    "no bearer": _ti("run", RUN, short=False, headers={"authorization": "Basic eDp5"}),
    "no real token": _ti("run", RUN, short=False, headers={"authorization": "Bearer x.y.z"}),
    "another task's token": _ti("run", RUN, short=False, claims={"sub": OTHER}),
    "another task's token for an xcom": _xcom(1, claims={"sub": OTHER}),
    "expired": _ti("run", RUN, short=False, valid_for=-100),
    "soon expired": _ti("heartbeat", BEAT, state="running", short=False, valid_for=20),
    "soon expired, for the queue": _ti("run", RUN, valid_for=20, claims={"scope": "workload"}),
    "the queue's token for a state": _ti(
        "state", _end("failed"), state="running", short=False, claims={"scope": "workload"}
    ),
    "the queue's token for an xcom": _xcom(1, short=False, claims={"scope": "workload"}),
    "unknown scope": _ti("run", RUN, short=False, claims={"scope": "everything"}),
    "body with too little": _ti("run", {"state": "running"}, short=False),
    "body with too much": _ti("heartbeat", {**BEAT, "more": 1}, state="running", short=False),
    "body of another kind": _ti("heartbeat", [1], state="running", short=False),
    "body that is no JSON": _ti("heartbeat", state="running", short=False, raw=b"{"),
    "no body": _ti("heartbeat", state="running", short=False, raw=b""),
    "no body for an xcom": _xcom(None, short=False, raw=b""),
    "body without its type": _ti("heartbeat", BEAT, state="running", short=False, headers={"content-type": None}),
    "body of another type": _ti(
        "heartbeat", BEAT, state="running", short=False, headers={"content-type": "text/plain"}
    ),
    "unknown state": _ti("state", _end("exploded"), state="running", short=False),
    "a state nobody may set": _ti("state", _end("scheduled"), state="running", short=False),
    "unknown task": Case(
        "PATCH", f"/task-instances/{OTHER}/run", RUN, short=False, claims={"sub": OTHER}
    ),
    "no id": Case("PATCH", "/task-instances/x/run", RUN, short=False),
    "wrong state for run": _ti("run", RUN, state="success", short=False),
    "wrong state for an end": _ti("state", _end("success"), state="queued", short=False),
    "wrong state for a heartbeat": _ti("heartbeat", BEAT, state="failed", short=False),
    "another process's heartbeat": _ti("heartbeat", {**BEAT, "pid": 8}, state="running", short=False),
    "xcom of an unknown run": Case("POST", "/xcoms/two_paths/none/a/k", 1, short=False),
    "xcom without a key": _xcom(1, key="", short=False),
    "xcom without a Dag": Case("POST", "/xcoms//one/a/k", 1, short=False),
    "xcom with an unknown option": _xcom(1, key="k?other=1", short=False),
    "xcom with no number": _xcom(1, key="k?map_index=x", short=False),
    "xcom with two signs": _xcom(1, key="k?map_index=--5", short=False),
    "xcom with a digit of another script": _xcom(1, key="k?map_index=%C2%B2", short=False),
    "an xcom is asked for with two signs and no token": _asked("k?map_index=--5", short=False,
        headers={"authorization": None}),
    "run, again without what its trigger told": _ti("run", RUN, before=(
        "UPDATE task_instance SET next_method = 'go', next_kwargs = NULL",)),
    "body that is too deep": _xcom(None, short=False, raw=b"[" * 50_000),
    "an id in another spelling": Case("PATCH", "/task-instances/{TI}/run", RUN, short=False),
    "too many mapped": _xcom([1], key="k?mapped_length=100000", short=False),
    "an xcom that is not there": _asked(short=False),
    "an xcom of a mapped task that is not there": _asked("return_value?map_index=2", before=(XCOM,), short=False),
    "an xcom of earlier runs, too": _asked("return_value?include_prior_dates=true", before=(XCOM,), short=False),
    "an xcom by its place": _asked("return_value?offset=0", before=(XCOM,), short=False),
    "an item of an xcom": _asked("return_value/item/0", before=(XCOM,), short=False),
    "a slice of an xcom": _asked("return_value/slice", before=(XCOM,), short=False),
    "an xcom with an option that nobody knows": _asked("return_value?mapped_length=2", before=(XCOM,), short=False),
    "an xcom is asked for with the queue's token": _asked(before=(XCOM,), short=False, claims={"scope": "workload"}),
    "an xcom is asked for without a token": _asked(before=(XCOM,), short=False, headers={"authorization": None}),
    "how many xcoms there are": Case("HEAD", f"/xcoms/{DAG_ID}/{RUN_ID}/a/return_value", state="running", raw=b"",
        before=(XCOM,), short=False),
    "older version": _ti("run", RUN, short=False, headers={"airflow-api-version": "2025-05-20"}),
    "unknown version": _ti("run", RUN, short=False, headers={"airflow-api-version": "1999-01-01"}),
    "no version": _ti("run", RUN, short=False, headers={"airflow-api-version": None}),
    "another method": Case("GET", "/task-instances/TI/run", short=False),
}  # fmt: skip


class Sides:
    """Airflow's application, and the short path before it."""

    def __init__(self) -> None:
        from airflow.api_fastapi.app import create_app

        from airfleet.api_server.fast_path import FastPath

        self.application = create_app(apps="execution")
        self.execution = next(r.app for r in self.application.routes if getattr(r, "path", "") == "/execution")
        self.passed_on = 0
        #: seconds by which the short path's clock is ahead
        self.later = 0.0
        self.short: Any = FastPath(self.application, clock=lambda: time.time() + self.later)
        self.short._application = self._counting

    async def _counting(self, *message: Any) -> None:
        self.passed_on += 1
        await self.application(*message)


class Database:
    """The one task instance of a run, and what a request makes of it."""

    def __init__(self) -> None:
        from airflow import settings
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        store_dags()
        with create_session() as session:
            serialized = SerializedDagModel.get(DAG_ID, session=session)
            assert serialized is not None
            day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
            run = serialized.dag.create_dagrun(
                run_id=RUN_ID, logical_date=day, data_interval=(day, day), run_after=day,
                run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.RUNNING,
                start_date=day, session=session,
            )  # fmt: skip
            session.flush()
            self.ti_id = str(run.task_instances[0].id)
        self.asked = 0
        self.count(settings.get_engine())
        # Whose moments are told in another time zone than Airflow's.
        self._do("ALTER DATABASE beside SET timezone TO 'Asia/Tokyo'")
        settings.get_engine().dispose()

    def count(self, engine: Any) -> None:
        """Count the statements that are asked over ``engine``."""
        from sqlalchemy import event

        event.listen(engine, "before_cursor_execute", self._count)

    def count_short(self, connections: Any) -> None:
        """Count those of the short path, too."""
        usual = connections.connection

        @asynccontextmanager
        async def counted() -> AsyncIterator[Any]:
            async with usual() as connection:

                def execute(*given: Any) -> Any:
                    self._count()
                    return connection.execute(*given)

                yield SimpleNamespace(execute=execute)

        connections.connection = counted

    def _count(self, *_: Any) -> None:
        self.asked += 1

    def reset(self, state: str, then: tuple[str, ...] = ()) -> None:
        """Put the task into a state, forget what any request has made, and do some things ``then``."""
        self._do("DELETE FROM dag_run WHERE run_id LIKE 'more-%'",
                 "DELETE FROM xcom", "DELETE FROM task_map", "DELETE FROM rendered_task_instance_fields",
                 "DELETE FROM task_reschedule", "DELETE FROM task_instance_history", "DELETE FROM log",
                 "DELETE FROM dag_run_note", "DELETE FROM dagrun_asset_event", "DELETE FROM asset_event",
                 "DELETE FROM asset_active", "DELETE FROM asset", "UPDATE dag SET owners = 'airflow'",
                 "UPDATE dag_run SET conf = '{}', triggering_user_name = NULL, clear_number = 0, partition_key = NULL,"
                 " end_date = NULL, data_interval_start = logical_date")  # fmt: skip
        running = "'2026-01-01'" if state not in ("queued", "restarting") else "NULL"
        self._do(
            f"UPDATE task_instance SET id = '{self.ti_id}', state = '{state}', start_date = {running}, end_date = NULL,"
            " duration = NULL, hostname = 'here', pid = 7, unixname = 'somebody', try_number = 1, max_tries = 2,"
            " trigger_id = NULL, next_method = NULL, next_kwargs = NULL, last_heartbeat_at = NULL, map_index = -1,"
            " retry_delay_override = NULL, retry_reason = NULL, rendered_map_index = NULL, updated_at = '2020-01-01'"
        )  # fmt: skip
        self._do("DELETE FROM trigger", *then)

    def found(self) -> dict[str, Any]:
        """Read the database, without times of insertion."""
        return {
            "task": self._rows(
                "SELECT to_jsonb(task_instance) - '{id,trigger_id,last_heartbeat_at,updated_at}'::text[],"
                f" id = '{self.ti_id}', trigger_id IS NULL, last_heartbeat_at IS NULL,"
                " updated_at > now() - interval '1 minute' FROM task_instance WHERE run_id NOT LIKE 'more-%'"
            ),
            "said": self._rows("SELECT to_jsonb(log) - 'id' - 'dttm', dttm > now() - interval '1 minute' FROM log"),
            "events": self._rows("SELECT asset_id, source_task_id FROM asset_event ORDER BY id"),
            "tried": self._rows("SELECT state, try_number, end_date FROM task_instance_history"),
            "xcoms": self._rows("SELECT key, map_index, value, dag_result FROM xcom ORDER BY key"),
            "mapped": self._rows("SELECT map_index, length FROM task_map"),
            "fields": self._rows(
                "SELECT run_id, map_index, rendered_fields::text, k8s_pod_yaml::text"
                " FROM rendered_task_instance_fields ORDER BY run_id"
            ),
            "rescheduled": self._rows("SELECT reschedule_date FROM task_reschedule"),
        }

    def _do(self, *statements: str) -> None:
        from airflow import settings
        from sqlalchemy import text

        with settings.get_engine().begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def _rows(self, query: str) -> list[str]:
        from airflow import settings
        from sqlalchemy import text

        with settings.get_engine().connect() as connection:
            return [repr(tuple(row)) for row in connection.execute(text(query))]


def _token(case: Case, ti_id: str) -> str:
    from airflow.api_fastapi.execution_api.app import _jwt_generator

    token: str = _jwt_generator().generate({"sub": ti_id, **case.claims}, valid_for=case.valid_for)
    return token


def _headers(case: Case, ti_id: str, version: str) -> dict[str, str]:
    headers: dict[str, str | None] = {
        "authorization": f"Bearer {_token(case, ti_id)}",
        "content-type": "application/json",
        "airflow-api-version": version,
        **case.headers,
    }
    return {name: value for name, value in headers.items() if value is not None}


async def compare() -> dict[str, Any]:
    """Run every case on both sides."""
    import httpx

    database, sides = Database(), Sides()
    database.count_short(sides.short.database)
    version = sides.execution.versions.versions[0].value
    told: dict[str, Any] = {}
    async with sides.application.router.lifespan_context(sides.application):
        clients = {
            name: httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://x")
            for name, app in (("long", sides.application), ("short", sides.short))
        }
        for name, case in CASES.items():
            told[name] = {}
            for side, client in clients.items():
                database.reset(case.state, case.before)
                before, asked = sides.passed_on, database.asked
                answer = await client.request(
                    case.method,
                    "/execution" + case.path.replace("TI", database.ti_id),
                    headers=_headers(case, database.ti_id, version),
                    content=json.dumps(case.body).encode() if case.raw is None else case.raw,
                )
                asked = database.asked - asked
                told[name][side] = {
                    "status": answer.status_code,
                    "body": _plain(answer),
                    "headers": _shown(answer),
                    "database": database.found(),
                    "passed on": sides.passed_on - before,
                    "statements": asked,
                }
        told["odd"] = await _odd(database, clients, version)
        told["carried"] = await _with_fields(database, clients, version)
        told["one token"] = await _with_one_token(database, sides, clients["short"], version)
        told["renewed"] = await _renewed(database, sides, clients["short"], version)
        told["many at once"] = await _many_at_once(database, sides, clients["short"], version)
    return told


USUAL = (
    Request("PATCH", "/task-instances/TI/run", json.dumps(RUN).encode(), "queued"),
    Request("PATCH", "/task-instances/TI/state", json.dumps(_end("success")).encode(), "running"),
    Request("PUT", "/task-instances/TI/heartbeat", json.dumps(BEAT).encode(), "running"),
    Request("PUT", "/task-instances/TI/rtif", json.dumps(FIELDS).encode(), "running"),
    Request("POST", f"/xcoms/{DAG_ID}/{RUN_ID}/a/k", b"1", "running"),
    Request("GET", f"/xcoms/{DAG_ID}/{RUN_ID}/a/k", b"", "running", headers={"content-type": None}),
)


async def _odd(database: Database, clients: Mapping[str, Any], version: str) -> list[Any]:
    """Odd requests, each with what both sides made of it: how many there were, and those where they differ."""
    requests = odd_requests.drawn(USUAL, ODD)
    differing = []
    for request in requests:
        sides = [await _odd_answer(database, client, version, request) for client in clients.values()]
        if sides[0] != sides[1]:
            differing.append([repr(request)[:400], *sides])
    return [len(requests), differing]


async def _odd_answer(database: Database, client: Any, version: str, request: Request) -> list[Any]:
    database.reset(request.state, (XCOM.replace("return_value", "k"),))
    usual = _headers(Case("", ""), database.ti_id, version)
    token = usual["authorization"].removeprefix("Bearer ")
    headers = {
        name: value.replace("TOKEN", token).encode("latin-1")
        for name, value in {**usual, **request.headers}.items()
        if value is not None
    }
    path = f"/execution{request.path.replace('TI', database.ti_id)}?{request.query}".rstrip("?")
    answer = await client.request(request.method, path, headers=headers, content=request.body)
    said = re.sub(r"look for ID \w+", "", json.dumps(_plain(answer)))  # each names another line of a log
    return [answer.status_code, said, _shown(answer), database.found()]


async def _with_one_token(database: Database, sides: Sides, client: Any, version: str) -> dict[str, Any]:
    """Send a token several times: status, requests passed on, and signatures checked."""
    checked = _count_checks(sides)
    headers = _headers(Case("PUT", "", valid_for=600.0), database.ti_id, version)
    told: dict[str, Any] = {}
    for name, of, later in (
        ("first", database.ti_id, 0.0),
        ("again", database.ti_id, 0.0),
        ("for another task", OTHER, 0.0),
        ("before it is to be renewed", database.ti_id, 470.0),
        ("when it is to be renewed", database.ti_id, 490.0),
    ):
        database.reset("running")
        sides.later, before, asked = later, sides.passed_on, len(checked)
        place = f"/execution/task-instances/{of}/heartbeat"
        answer = await client.request("PUT", place, headers=headers, content=json.dumps(BEAT).encode())
        passed_on = sides.passed_on - before
        told[name] = [answer.status_code, passed_on, None if passed_on else len(checked) - asked]
    return told


async def _with_fields(database: Database, clients: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Send rendered fields with the end of their attempt: are they taken along, and what is stored?"""
    from airfleet.worker import piggyback

    headers = _headers(Case("PATCH", ""), database.ti_id, version)
    told: dict[str, Any] = {}
    for name, side, state, header in (
        ("success", "short", "success", piggyback.packed(FIELDS)),
        ("failure", "short", "failed", piggyback.packed(FIELDS)),
        ("no fields", "short", "success", "{"),
        ("no short path", "long", "success", piggyback.packed(FIELDS)),
    ):
        database.reset("running")
        answer = await clients[side].patch(
            f"/execution/task-instances/{database.ti_id}/state",
            headers={**headers, piggyback.HEADER: header or ""},
            content=json.dumps(_end(state)).encode(),
        )
        found = database.found()
        told[name] = [answer.status_code, answer.headers.get(piggyback.HEADER), found["fields"]]
    database.reset("running")
    place = f"/execution/task-instances/{database.ti_id}/rtif"
    await clients["long"].put(place, headers=headers, content=json.dumps(FIELDS).encode())
    return told | {"as Airflow stores them": database.found()["fields"]}


async def _renewed(database: Database, sides: Sides, client: Any, version: str) -> dict[str, Any]:
    """Give the token that comes with an answer, by the age of the first one; None when none does."""
    from airflow.api_fastapi.auth.tokens import JWTValidator

    sides.short._tokens._token_age_seconds = 300.0
    validator = sides.short._tokens.services().get(JWTValidator)
    headers = _headers(Case("PUT", "", valid_for=4_200.0), database.ti_id, version)
    workload = _headers(Case("", "", valid_for=4_200.0, claims={"scope": "workload"}), database.ti_id, version)
    told: dict[str, Any] = {}
    for age, sent in ((299.0, headers), (301.0, headers), (302.0, headers), (301.0, workload)):
        database.reset("running" if sent is headers else "queued")
        sides.later, before = age, sides.passed_on
        if sent is headers:
            method, place, body = "PUT", "heartbeat", BEAT
        else:
            method, place, body = "PATCH", "run", RUN
        way = f"/execution/task-instances/{database.ti_id}/{place}"
        answer = await client.request(method, way, headers=sent, content=json.dumps(body).encode())
        new = answer.headers.get("refreshed-api-token")
        claims = await validator.avalidated_claims(new, {}) if new else None
        kept = {name: claims[name] for name in ("sub", "scope") if name in claims} if claims else None
        life = claims["exp"] - claims["iat"] if claims else None
        told[f"{place} after {age:g} s"] = [answer.status_code, sides.passed_on - before, kept, life]
    return told | {"sub": database.ti_id}


async def _many_at_once(database: Database, sides: Sides, client: Any, version: str) -> dict[str, Any]:
    """Tell how many connections are opened for as many requests as come at once, and when as many come again."""
    from sqlalchemy import event

    opened: list[object] = []
    event.listen(sides.short.database.engine.sync_engine, "connect", lambda *_: opened.append(None))
    headers = _headers(Case("PUT", ""), database.ti_id, version)
    told: dict[str, Any] = {"answers": set(), "passed on": -sides.passed_on, "opened": []}
    database.reset("running")
    sides.later = 0.0
    for _ in range(2):
        opened.clear()
        place = f"/execution/task-instances/{database.ti_id}/rtif"
        sending = (client.put(place, headers=headers, content=json.dumps(FIELDS).encode()) for _ in range(40))
        told["answers"] |= {answer.status_code for answer in await asyncio.gather(*sending)}
        told["opened"].append(len(opened))
    return told | {"answers": sorted(told["answers"]), "passed on": told["passed on"] + sides.passed_on}


def _count_checks(sides: Sides) -> list[str]:
    """Give the tokens whose signatures the short path checks from now on."""
    from airflow.api_fastapi.auth.tokens import JWTValidator

    checked: list[str] = []

    class Counting(JWTValidator):
        async def avalidated_claims(self, unvalidated: str, required_claims: Any = None) -> dict[str, Any]:
            checked.append(unvalidated)
            return await super().avalidated_claims(unvalidated, required_claims)

    real = sides.short._tokens.services().get(JWTValidator)
    sides.execution.state.svcs_registry.register_value(
        JWTValidator, Counting(secret_key=real.secret_key, issuer=real.issuer, audience=real.audience)
    )
    sides.short._tokens._services = None  # it knows the one before
    return checked


def _plain(answer: Any) -> Any:
    try:
        body = answer.json()
    except ValueError:
        return answer.text
    return {**body, "correlation-id": "some"} if isinstance(body, dict) and "correlation-id" in body else body


def _shown(answer: Any) -> dict[str, str]:
    """Headers, but for what no two answers share; the same JSON may be written with more spaces."""
    headers = {name.lower(): value for name, value in answer.headers.items() if name != "date"}
    fleeting = {"refreshed-api-token": "some"}
    if headers.get("content-length") == str(len(answer.content)):
        fleeting["content-length"] = "right"
    return {name: fleeting.get(name, value) for name, value in headers.items()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(compare())))
