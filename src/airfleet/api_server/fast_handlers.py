"""Handlers of the fast path: six requests of attempts, each as one statement where it is plain. [A]

A request that is not plain goes to Airflow's handler, unchanged, in one session and one transaction as there.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import svcs
from airflow.api_fastapi.auth.tokens import JWTGenerator
from airflow.api_fastapi.execution_api.datamodels.taskinstance import (
    TIEnterRunningPayload,
    TIHeartbeatInfo,
    TIStateUpdate,
    TISuccessStatePayload,
    ti_state_discriminator,
)
from airflow.api_fastapi.execution_api.datamodels.token import TIToken
from airflow.api_fastapi.execution_api.routes import task_instances, xcoms
from fastapi import Response
from pydantic import Discriminator, JsonValue, TypeAdapter
from sqlalchemy.orm import Session

from airfleet.api_server import fast_queries
from airfleet.api_server.connection_pool import Connection
from airfleet.metadata import api_availability
from airfleet.worker import piggyback


@dataclass(frozen=True)
class Call:
    """The arguments of a handler for one request."""

    task_instance_id: Any  # a UUID; None for XComs
    payload: Any
    token: TIToken
    response: Response
    application: Any
    services: svcs.Container
    xcom: Mapping[str, Any]
    #: rendered fields that came along (:mod:`airfleet.worker.piggyback`)
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class PlainAnswer:
    """The answer of one statement; bytes are JSON already."""

    result: Any = None


@dataclass(frozen=True)
class FastRoute:
    """A request with a fast path: its body, the scopes of tokens that may make it, and its two handlers.

    Without ``body`` it has none; without ``call`` Airflow's application answers a request that is not plain.
    """

    body: TypeAdapter[Any] | None
    status: int
    call: Callable[[Call, Session], Any] | None
    plain: Callable[[Call, Connection], Awaitable[PlainAnswer | None]] | None = None
    scopes: frozenset[str] = frozenset({"execution"})


async def _run_plainly(call: Call, connection: Connection) -> PlainAnswer | None:
    context = await fast_queries.begin(connection, call.task_instance_id, call.payload)
    if context is not None and call.token.claims.scope == "workload":
        execution = {"sub": str(call.task_instance_id), "scope": "execution"}
        token = call.services.get(JWTGenerator).generate(extras=execution)
        call.response.headers["Refreshed-API-Token"] = token
    return None if context is None else PlainAnswer(context)


def _run(call: Call, session: Session) -> Any:
    return task_instances.ti_run(
        call.task_instance_id,
        call.payload,
        call.response,
        session,
        call.application.state.dag_bag,
        services=call.services,
        token=call.token,
    )


async def _state_plainly(call: Call, connection: Connection) -> PlainAnswer | None:
    if not isinstance(call.payload, TISuccessStatePayload):
        return None
    if call.fields and await fast_queries.render(connection, call.task_instance_id, call.fields):
        call.response.headers[piggyback.HEADER] = piggyback.STORED
    return PlainAnswer() if await fast_queries.succeed(connection, call.task_instance_id, call.payload) else None


def _state(call: Call, session: Session) -> Any:
    return task_instances.ti_update_state(call.task_instance_id, call.payload, session, call.application.state.dag_bag)


def _heartbeat(call: Call, session: Session) -> Any:
    answer = task_instances.ti_heartbeat(call.task_instance_id, call.payload, session)
    api_availability.hear()
    return answer


async def _rendered_fields_plainly(call: Call, connection: Connection) -> PlainAnswer | None:
    stored = await fast_queries.render(connection, call.task_instance_id, call.payload)
    return PlainAnswer({"message": "Rendered task instance fields successfully set"}) if stored else None


def _rendered_fields(call: Call, session: Session) -> Any:
    return task_instances.ti_put_rtif(call.task_instance_id, call.payload, session)


async def _xcom_plainly(call: Call, connection: Connection) -> PlainAnswer | None:
    stored = await fast_queries.push(connection, call.payload, call.xcom)
    return PlainAnswer({"message": "XCom successfully set"}) if stored else None


def _xcom(call: Call, session: Session) -> Any:
    return xcoms.set_xcom(session=session, value=call.payload, **call.xcom)


async def _xcom_asked_plainly(call: Call, connection: Connection) -> PlainAnswer | None:
    value = await fast_queries.pull(connection, call.xcom)
    key = json.dumps(call.xcom["key"], ensure_ascii=False).encode()
    return None if value is None else PlainAnswer(b'{"key":%s,"value":%s}' % (key, value))


_JSON: TypeAdapter[Any] = TypeAdapter(JsonValue)
# FastAPI takes the function as it is; pydantic alone wants it named a discriminator.
_STATE_UPDATE: TypeAdapter[Any] = TypeAdapter(
    Annotated[get_args(TIStateUpdate)[0], Discriminator(ti_state_discriminator)]  # type: ignore[arg-type]
)

#: requests of an attempt about itself, by method and last part of the path
TASK_INSTANCE: Mapping[tuple[str, str], FastRoute] = {
    ("PATCH", "run"): FastRoute(
        TypeAdapter(TIEnterRunningPayload), 200, _run, _run_plainly, scopes=frozenset({"execution", "workload"})
    ),
    ("PATCH", "state"): FastRoute(_STATE_UPDATE, 204, _state, _state_plainly),
    ("PUT", "heartbeat"): FastRoute(TypeAdapter(TIHeartbeatInfo), 204, _heartbeat),
    ("PUT", "rtif"): FastRoute(TypeAdapter(dict[str, JsonValue]), 201, _rendered_fields, _rendered_fields_plainly),
}
#: requests for an XCom, by method, with the options that the fast path knows
XCOM: Mapping[str, tuple[FastRoute, frozenset[str]]] = {
    "POST": (FastRoute(_JSON, 201, _xcom, _xcom_plainly), frozenset({"map_index", "mapped_length", "dag_result"})),
    "GET": (FastRoute(None, 200, None, _xcom_asked_plainly), frozenset({"map_index"})),
}
