"""A short path for the six requests that attempts make most of the execution API. [A]

Three quarters of what such a request costs in Airflow's api-server are not its handler but what lies around
it: middleware, two applications with their routing, conversion between API versions, dependencies that are
solved anew, and changes of thread. :class:`ShortPath` stands in front of the application, checks the token, and
reads the body into the handler's own model. A start, a success, rendered fields and an XCom, stored or asked for, that
are plain are one statement then (:mod:`airfleet.api_server.fast_queries`); whatever else there is goes to the handler:
Airflow's, unchanged, in one session and one transaction as there.

It takes only what it can be sure of. A request that speaks another version of the API, has a token that is
not valid, not for this task or soon too old, or a body that does not fit goes to the application, and so
does one whose handler raises: the transaction is rolled back then, and Airflow answers as it would have.

On both ways, what a handler makes of an error of the database that is not the request's fault (a disk is full, a
deadlock, a connection that was lost) is not committed, and the answer is 503: ask again. Airflow's handler of an end
would record *failed* instead, whatever the attempt had to say (reference: ``ti_update_state``).
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeGuard, get_args
from urllib.parse import parse_qsl
from uuid import UUID

import structlog
import svcs
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from airflow.api_fastapi.execution_api.datamodels.taskinstance import (
    TIEnterRunningPayload,
    TIHeartbeatInfo,
    TIStateUpdate,
    TISuccessStatePayload,
    ti_state_discriminator,
)
from airflow.api_fastapi.execution_api.datamodels.token import TIClaims, TIToken
from airflow.api_fastapi.execution_api.routes import task_instances, xcoms
from airflow.configuration import conf
from airflow.utils.session import create_session
from fastapi import Response
from pydantic import BaseModel, Discriminator, JsonValue, TypeAdapter, ValidationError
from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

from airfleet import versions
from airfleet.api_server import fast_queries
from airfleet.api_server.connection_pool import Connection
from airfleet.metadata import api_availability
from airfleet.worker import piggyback

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

log = structlog.get_logger(__name__)

#: bytes of a body that is read here; what is larger costs more than its way
_MOST_BODY = 262_144
#: numbers and identifiers as they are usually written; Airflow says what any other spelling is
_SIZE, _INTEGER = re.compile(rb"[0-9]{1,9}"), re.compile(r"-?[0-9]{1,9}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: handlers that run at once; each holds a database connection while it does
_THREADS = 8
#: tokens that are remembered
_MOST_TOKENS = 1_000
#: a token is exchanged by Airflow when less than this share of its life, or this many seconds, are left
_REFRESH_SHARE, _REFRESH_SECONDS = 0.2, 30
#: PostgreSQL's errors that are nobody's fault who asks, and pass. Whole classes: the connection, a deadlock, the system
#: around it. Single ones: a transaction ended for being idle, a standby that takes no writes, no disk, no memory, no
#: connection left, the hand of an operator, a session ended for being idle. Not what follows an error that was passed
#: over (25P02), nor a query that took too long (57014): the same request would meet them again.
_PASSING = ("08", "40", "58", "25P03", "25006", "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "57P05")


@dataclass(frozen=True)
class Hot:
    """A request with a short path: how its body is read, who may make it, and what answers it.

    Without ``body`` it has none; without ``call`` Airflow answers what is not plain.
    """

    body: TypeAdapter[Any] | None
    status: int
    call: Callable[[_Call, Session], Any] | None
    plain: Callable[[_Call, Connection], Awaitable[_Said | None]] | None = None
    scopes: frozenset[str] = frozenset({"execution"})


@dataclass(frozen=True)
class _Said:
    """What the plain way has to answer; bytes are JSON already."""

    result: Any = None


@dataclass(frozen=True)
class _Call:
    """One request: what its handler needs."""

    task_instance_id: Any  # a UUID, but for XComs
    payload: Any
    token: TIToken
    response: Response
    application: Any
    services: svcs.Container
    xcom: Mapping[str, Any]
    #: rendered fields that came along (:mod:`airfleet.worker.piggyback`)
    fields: Mapping[str, Any] | None = None


async def _run_plainly(call: _Call, connection: Connection) -> _Said | None:
    context = await fast_queries.begin(connection, call.task_instance_id, call.payload)
    if context is not None and call.token.claims.scope == "workload":
        execution = {"sub": str(call.task_instance_id), "scope": "execution"}
        token = call.services.get(JWTGenerator).generate(extras=execution)
        call.response.headers["Refreshed-API-Token"] = token
    return None if context is None else _Said(context)


def _run(call: _Call, session: Session) -> Any:
    return task_instances.ti_run(
        call.task_instance_id,
        call.payload,
        call.response,
        session,
        call.application.state.dag_bag,
        services=call.services,
        token=call.token,
    )


async def _state_plainly(call: _Call, connection: Connection) -> _Said | None:
    if not isinstance(call.payload, TISuccessStatePayload):
        return None
    if call.fields and await fast_queries.render(connection, call.task_instance_id, call.fields):
        call.response.headers[piggyback.HEADER] = piggyback.STORED
    return _Said() if await fast_queries.succeed(connection, call.task_instance_id, call.payload) else None


def _state(call: _Call, session: Session) -> Any:
    return task_instances.ti_update_state(call.task_instance_id, call.payload, session, call.application.state.dag_bag)


def _heartbeat(call: _Call, session: Session) -> Any:
    answer = task_instances.ti_heartbeat(call.task_instance_id, call.payload, session)
    api_availability.hear()
    return answer


async def _rendered_fields_plainly(call: _Call, connection: Connection) -> _Said | None:
    stored = await fast_queries.render(connection, call.task_instance_id, call.payload)
    return _Said({"message": "Rendered task instance fields successfully set"}) if stored else None


def _rendered_fields(call: _Call, session: Session) -> Any:
    return task_instances.ti_put_rtif(call.task_instance_id, call.payload, session)


async def _xcom_plainly(call: _Call, connection: Connection) -> _Said | None:
    stored = await fast_queries.push(connection, call.payload, call.xcom)
    return _Said({"message": "XCom successfully set"}) if stored else None


def _xcom(call: _Call, session: Session) -> Any:
    return xcoms.set_xcom(session=session, value=call.payload, **call.xcom)


async def _xcom_asked_plainly(call: _Call, connection: Connection) -> _Said | None:
    value = await fast_queries.pull(connection, call.xcom)
    key = json.dumps(call.xcom["key"], ensure_ascii=False).encode()
    return None if value is None else _Said(b'{"key":%s,"value":%s}' % (key, value))


_JSON: TypeAdapter[Any] = TypeAdapter(JsonValue)
# FastAPI takes the function as it is; pydantic alone wants it named a discriminator.
_STATE_UPDATE: TypeAdapter[Any] = TypeAdapter(
    Annotated[get_args(TIStateUpdate)[0], Discriminator(ti_state_discriminator)]  # type: ignore[arg-type]
)

#: what an attempt asks about itself: (method, last part of the path) -> its short path
TASK_INSTANCE: Mapping[tuple[str, str], Hot] = {
    ("PATCH", "run"): Hot(
        TypeAdapter(TIEnterRunningPayload), 200, _run, _run_plainly, scopes=frozenset({"execution", "workload"})
    ),
    ("PATCH", "state"): Hot(_STATE_UPDATE, 204, _state, _state_plainly),
    ("PUT", "heartbeat"): Hot(TypeAdapter(TIHeartbeatInfo), 204, _heartbeat),
    ("PUT", "rtif"): Hot(TypeAdapter(dict[str, JsonValue]), 201, _rendered_fields, _rendered_fields_plainly),
}
#: what is done to an XCom: method -> its short path, and the options that it knows
XCOM: Mapping[str, tuple[Hot, frozenset[str]]] = {
    "POST": (Hot(_JSON, 201, _xcom, _xcom_plainly), frozenset({"map_index", "mapped_length", "dag_result"})),
    "GET": (Hot(None, 200, None, _xcom_asked_plainly), frozenset({"map_index"})),
}


@dataclass(frozen=True)
class _Known:
    """A token that was checked, and until when (seconds since the epoch) it may be taken as it is."""

    token: TIToken
    good_until: float
    #: what is renewed, and from when on
    claims: Mapping[str, Any] = field(default_factory=dict)
    old_from: float = math.inf


@dataclass(frozen=True)
class _Request:
    """A request that may have a short path."""

    hot: Hot
    task_instance_id: UUID | None
    xcom: Mapping[str, Any]
    headers: Mapping[bytes, bytes]


@dataclass
class _Trouble:
    """What went wrong with the database in one request, if it was not the request's fault."""

    error: DBAPIError | None = None


#: of the request that is handled; its threads share it
_TROUBLE: ContextVar[_Trouble | None] = ContextVar("trouble", default=None)


def _notice(context: ExceptionContext) -> None:
    trouble, error = _TROUBLE.get(), context.sqlalchemy_exception
    if trouble is not None and not context.is_pre_ping and _passes(error):
        trouble.error = error


def _passes(error: Exception | None) -> TypeGuard[DBAPIError]:
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(_PASSING)  # none: the connection was lost


def _refuse(session: Session) -> None:
    """Before a commit: what was decided after such an error was decided without knowing."""
    trouble = _TROUBLE.get()
    if trouble is not None and trouble.error is not None:
        log.warning("Nothing is recorded of a request in which the database failed", error=str(trouble.error.orig))
        raise trouble.error


def _refuse_what_follows_a_failure() -> None:
    if not event.contains(Session, "before_commit", _refuse):
        event.listen(Engine, "handle_error", _notice)
        event.listen(Session, "before_commit", _refuse)


class ShortPath:
    """Airflow's API application, with a shorter way to six of its handlers."""

    def __init__(self, application: Any, clock: Callable[[], float] = time.time) -> None:
        self._application: Application = application
        self._clock = clock
        routes = {getattr(route, "path", ""): route for route in application.routes}
        execution: Any = getattr(routes.get("/execution"), "app", None)
        self._execution = execution
        #: where a proxy's path stands before every other
        self._root: str = getattr(application, "root_path", "")
        self._threads = ThreadPoolExecutor(_THREADS, "execution-api")
        self.database = fast_queries.database()
        _refuse_what_follows_a_failure()
        self._services: svcs.Container | None = None
        #: seconds from which on a token is renewed; Airflow's way waits until a fifth of its life is left
        self._token_age = conf.getfloat("airfleet", "token_age_seconds", fallback=math.inf)
        #: the tokens of attempts that run, the oldest first
        self._tokens: dict[str, _Known] = {}
        self._wanted = execution is not None and not _needs_the_long_way()
        self._version: bytes = execution.versions.versions[0].value.encode() if self._wanted else b""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or a lifespan."""
        request = self._short(scope) if self._wanted and scope["type"] == "http" else None
        if request is None:
            await self._long(scope, receive, send)
            return
        body = await _body(receive)
        answer = await self._answer(request, body) if body is not None else None
        if answer is None:
            await self._long(scope, _again(body, receive), send)
        else:
            await _send(answer, self._version, request.headers.get(b"correlation-id"), send)

    async def _long(self, scope: Message, receive: Receive, send: Send) -> None:
        """Have Airflow's application answer."""
        path = scope.get("path", "").removeprefix(self._root)
        if scope["type"] != "http" or not path.startswith("/execution/"):
            await self._application(scope, receive, send)
            return
        trouble = _Trouble()
        is_heartbeat = scope["method"] == "PUT" and path.endswith("/heartbeat")

        async def tell(message: Message) -> None:
            if message.get("status") == 500 and trouble.error is not None:
                message["status"] = 503
            elif is_heartbeat and message.get("status") == 204:
                api_availability.hear()
            await send(message)

        before = _TROUBLE.set(trouble)
        try:
            await self._application(scope, receive, tell)
        finally:
            _TROUBLE.reset(before)

    def _short(self, scope: Message) -> _Request | None:
        """The request, when it is one of the six and speaks the current version."""
        found = _match(scope["method"], scope["path"].removeprefix(self._root), scope["query_string"])
        if found is None:
            return None
        headers = dict(scope["headers"])
        current = headers.get(b"airflow-api-version") == self._version
        return _Request(*found, headers) if current and _has_its_body(found[0], headers) else None

    async def _answer(self, request: _Request, body: bytes) -> Response | None:
        """What the handler says; None when Airflow's long way has to find an answer."""
        known = await self._known(request)
        if known is None:
            return None
        try:
            payload = request.hot.body.validate_python(json.loads(body)) if request.hot.body else None
        except (ValidationError, ValueError, RecursionError):
            return None
        response = Response(status_code=request.hot.status, media_type="application/json")
        fields = piggyback.unpacked(request.headers.get(piggyback.HEADER.encode()))
        call = _Call(
            request.task_instance_id,
            payload,
            known.token,
            response,
            self._execution,
            self._container(),
            request.xcom,
            fields,
        )
        _name_in_log(request)
        said = await self._plainly(request, call)
        if said is not None:
            return self._renew(known, _filled(response, said.result))
        if request.hot.call is None:
            return None
        try:
            loop = asyncio.get_running_loop()
            context = contextvars.copy_context()
            answer = await loop.run_in_executor(self._threads, context.run, _handle, request, call)
            return self._renew(known, answer)
        except Exception as error:  # rolled back; Airflow's own answer follows
            log.debug("A request takes the long way", error=repr(error))
            return None

    async def _plainly(self, request: _Request, call: _Call) -> _Said | None:
        """What one statement has to say; None when the handler has to find an answer.

        A statement of which nobody knows whether it was done does no harm: the handler finds that it was, or does it.
        """
        if request.hot.plain is None or self.database is None:
            return None
        try:
            async with self.database.connection() as connection:
                return await request.hot.plain(call, connection)
        except Exception as error:  # a connection that was lost; the handler's are looked at before they are used
            log.debug("A request goes to its handler", error=repr(error))
            return None

    async def _known(self, request: _Request) -> _Known | None:
        """The request's token, when it is valid for this request and for some time to come."""
        text = _bearer(request)
        if text is None:
            return None
        known = self._tokens.get(text) or await self._validated(text)
        if known is None:
            return None
        own = request.task_instance_id is None or known.token.id == request.task_instance_id
        allowed = known.token.claims.scope in request.hot.scopes
        return known if own and allowed and self._clock() < known.good_until else None

    async def _validated(self, text: str) -> _Known | None:
        """A token whose signature and times are right; remembered, for an attempt comes with it several times."""
        try:
            validator = await self._container().aget(JWTValidator)
            claims = {"scope": "execution"} | await validator.avalidated_claims(text, {})
            token = TIToken(id=claims["sub"], claims=TIClaims(**claims))
            old_from = float(claims["iat"]) + self._token_age if claims["scope"] == "execution" else math.inf
            known = _Known(token, _good_until(claims), claims, old_from)
        except Exception:  # whatever is wrong with it, Airflow says so
            return None
        if validator.secret_key:  # a public key may be withdrawn
            while len(self._tokens) >= _MOST_TOKENS:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[text] = known
        return known

    def _renew(self, known: _Known, answer: Response) -> Response:
        """An answer with a new token, when the one that came is of age: it outlives an outage that begins now."""
        if self._clock() >= known.old_from:
            answer.headers["Refreshed-API-Token"] = self._container().get(JWTGenerator).generate(dict(known.claims))
        return answer

    def _container(self) -> svcs.Container:
        """Airflow's services: the validator and the generator of tokens. Known once the lifespan has begun."""
        if self._services is None:
            self._services = svcs.Container(self._execution.state.svcs_registry)
        return self._services


def _needs_the_long_way() -> bool:
    """Settings under which more happens around a handler than is done here, or an Airflow that nobody compared."""
    if not versions.core_is_checked():
        return True
    return conf.getboolean("core", "multi_team", fallback=False) or conf.getboolean("traces", "otel_on", fallback=False)


def _match(method: str, path: str, query: bytes) -> tuple[Hot, UUID | None, Mapping[str, Any]] | None:
    parts = path.split("/", 6)
    if parts[1:3] == ["execution", "task-instances"] and len(parts) == 5 and not query:
        of_task = TASK_INSTANCE.get((method, parts[4]))
        identifier = _uuid(parts[3])
        return (of_task, identifier, {}) if of_task and identifier else None
    if method in XCOM and parts[1:3] == ["execution", "xcoms"] and len(parts) == 7 and parts[6]:
        # Below a key there is more to ask for: one of its items, or some.
        if method == "GET" and "/" in parts[6]:
            return None
        hot, known = XCOM[method]
        options = _xcom_options(query)
        names = dict(zip(("dag_id", "run_id", "task_id", "key"), parts[3:], strict=True))
        return (hot, None, names | options) if options is not None and options.keys() <= known else None
    return None


def _has_its_body(hot: Hot, headers: Mapping[bytes, bytes]) -> bool:
    """Whether there is JSON of a size that is read here, or nothing where nothing belongs."""
    size = headers.get(b"content-length", b"")
    if hot.body is None:
        return size in (b"", b"0") and b"transfer-encoding" not in headers
    return (
        bool(_SIZE.fullmatch(size)) and int(size) <= _MOST_BODY and headers.get(b"content-type") == b"application/json"
    )


def _uuid(text: str) -> UUID | None:
    """A UUID as it is usually written; Python reads more of them than Airflow does."""
    return UUID(text) if _UUID.fullmatch(text) else None


def _xcom_options(query: bytes) -> dict[str, Any] | None:
    """The options of an XCom request; None when there are any that are not known here."""
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in ("map_index", "mapped_length") and _INTEGER.fullmatch(value):
            options[name] = int(value)
        elif name == "dag_result" and value in ("true", "false"):
            options[name] = value == "true"
        else:
            return None
    return options


def _bearer(request: _Request) -> str | None:
    kind, _, text = request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return text if kind.lower() == "bearer" else None


def _good_until(claims: Mapping[str, Any]) -> float:
    """The time, in seconds since the epoch, from which on Airflow refuses it or answers with a new one.

    The latter is its JWTReissueMiddleware.
    """
    expires = int(claims.get("exp", 0))
    if claims["scope"] == "workload":
        return expires
    return expires - max((expires - int(claims.get("iat", 0))) * _REFRESH_SHARE, _REFRESH_SECONDS)


def _handle(request: _Request, call: _Call) -> Response:
    """Call the handler in a transaction of its own; runs in a thread."""
    assert request.hot.call is not None
    _TROUBLE.set(_Trouble())  # in the copy of the context that is this thread's
    with create_session(scoped=False) as session:
        result = request.hot.call(call, session)
        return result if isinstance(result, Response) else _filled(call.response, result)


def _filled(response: Response, result: Any) -> Response:
    if isinstance(result, BaseModel):
        response.body = result.model_dump_json(exclude_unset=True, by_alias=True).encode()
    elif isinstance(result, bytes):
        response.body = result
    elif result is not None:
        response.body = json.dumps(result, separators=(",", ":")).encode()
    return response


def _name_in_log(request: _Request) -> None:
    structlog.contextvars.clear_contextvars()
    if correlation := request.headers.get(b"correlation-id"):
        structlog.contextvars.bind_contextvars(correlation_id=correlation.decode("latin-1"))


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the client is gone."""
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        read += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(read)


def _again(body: bytes | None, receive: Receive) -> Receive:
    """Gives a body that was read already to whoever reads it next."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}] if body is not None else []

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


async def _send(response: Response, version: bytes, correlation: bytes | None, send: Send) -> None:
    headers = [*response.raw_headers, (b"airflow-api-version", version)]
    if response.body:
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-length", str(len(response.body)).encode()))
    if correlation:
        headers.append((b"correlation-id", correlation))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
