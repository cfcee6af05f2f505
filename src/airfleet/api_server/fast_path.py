"""A fast path for the six requests that attempts make most of the execution API. [A]

Three quarters of the cost of such a request in Airflow's api-server lie around its handler: middleware, routing in two
applications, conversion between API versions, dependencies, changes of thread. The class :class:`FastPath` stands in
front of the application, checks the token, and reads the body into the handler's own model. A plain start, success, set
of rendered fields or XCom is then one statement (:mod:`airfleet.api_server.fast_queries`). Other requests of the six go
to Airflow's handlers (:mod:`airfleet.api_server.fast_handlers`).

The fast path takes only requests that it can be sure of. A request in another version of the API, with a token that is
not valid for this task or soon too old, or with a body that does not fit goes to the application. So does a request
whose handler raises: its transaction is rolled back, and Airflow answers as it would have.

After a passing error of the database nothing is committed, on both ways, and the answer is 503: ask again
(:mod:`airfleet.api_server.database_failures`).
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from airflow.configuration import conf
from airflow.utils.session import create_session
from fastapi import Response
from pydantic import BaseModel, ValidationError

from airfleet import versions
from airfleet.api_server import database_failures, fast_queries, fast_requests
from airfleet.api_server.fast_handlers import Call, PlainAnswer
from airfleet.api_server.fast_requests import Application, FastRequest, Message, Receive, Send
from airfleet.api_server.token_cache import CheckedToken, TokenCache
from airfleet.metadata import api_availability
from airfleet.worker import piggyback

log = structlog.get_logger(__name__)

#: handlers that run at once; each holds a database connection
_THREADS = 8


class FastPath:
    """Airflow's API application, with a shorter way to six of its handlers."""

    def __init__(self, application: Any, clock: Callable[[], float] = time.time) -> None:
        self._application: Application = application
        routes = {getattr(route, "path", ""): route for route in application.routes}
        execution: Any = getattr(routes.get("/execution"), "app", None)
        self._execution = execution
        #: the path of a proxy, before every other
        self._root: str = getattr(application, "root_path", "")
        self._threads = ThreadPoolExecutor(_THREADS, "execution-api")
        self.database = fast_queries.database()
        database_failures.install()
        self._tokens = TokenCache(execution, clock)
        self._wanted = execution is not None and not _needs_the_long_way()
        self._version: bytes = execution.versions.versions[0].value.encode() if self._wanted else b""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or a lifespan."""
        is_wanted = self._wanted and scope["type"] == "http"
        request = fast_requests.find(scope, self._root, self._version) if is_wanted else None
        if request is None:
            await self._long(scope, receive, send)
            return
        body = await fast_requests.read_body(receive)
        answer = await self._answer(request, body) if body is not None else None
        if answer is None:
            await self._long(scope, fast_requests.replayed(body, receive), send)
        else:
            await _send(answer, self._version, request.headers.get(b"correlation-id"), send)

    async def _long(self, scope: Message, receive: Receive, send: Send) -> None:
        """Have Airflow's application answer."""
        path = scope.get("path", "").removeprefix(self._root)
        if scope["type"] != "http" or not path.startswith("/execution/"):
            await self._application(scope, receive, send)
            return
        is_heartbeat = scope["method"] == "PUT" and path.endswith("/heartbeat")
        with database_failures.watched() as failure:

            async def tell(message: Message) -> None:
                if message.get("status") == 500 and failure.error is not None:
                    message["status"] = 503
                elif is_heartbeat and message.get("status") == 204:
                    api_availability.hear()
                await send(message)

            await self._application(scope, receive, tell)

    async def _answer(self, request: FastRequest, body: bytes) -> Response | None:
        """Return the answer of the fast path; None when Airflow's application has to find one."""
        known = await self._tokens.check(request.bearer(), request.route.scopes, request.task_instance_id)
        call = self._call(request, known, body) if known is not None else None
        if known is None or call is None:
            return None
        _name_in_log(request)
        plain = await self._plainly(request, call)
        if plain is not None:
            return self._renew(known, _filled(call.response, plain.result))
        return await self._handled(request, known, call)

    def _call(self, request: FastRequest, known: CheckedToken, body: bytes) -> Call | None:
        """Return the arguments of the handler; None when the body does not fit."""
        route = request.route
        try:
            payload = route.body.validate_python(json.loads(body)) if route.body else None
        except (ValidationError, ValueError, RecursionError):
            return None
        return Call(
            request.task_instance_id,
            payload,
            known.token,
            Response(status_code=route.status, media_type="application/json"),
            self._execution,
            self._tokens.services(),
            request.xcom,
            piggyback.unpacked(request.headers.get(piggyback.HEADER.encode())),
        )

    async def _plainly(self, request: FastRequest, call: Call) -> PlainAnswer | None:
        """Return the answer of one statement; None when the handler has to find one.

        A statement whose outcome is lost with its connection does no harm: the handler finds it done, or does it.
        """
        if request.route.plain is None or self.database is None:
            return None
        try:
            async with self.database.connection() as connection:
                return await request.route.plain(call, connection)
        except Exception as error:  # a connection that was lost; the handler's are tested before they are used
            log.debug("A request goes to its handler", error=repr(error))
            return None

    async def _handled(self, request: FastRequest, known: CheckedToken, call: Call) -> Response | None:
        """Return the answer of Airflow's handler; None when there is none, it raised, or no new token can be made."""
        if request.route.call is None:
            return None
        try:
            loop = asyncio.get_running_loop()
            context = contextvars.copy_context()
            answer = await loop.run_in_executor(self._threads, context.run, _handle, request, call)
            return self._renew(known, answer)
        except Exception as error:  # Airflow's own answer follows
            log.debug("A request takes the long way", error=repr(error))
            return None

    def _renew(self, known: CheckedToken, answer: Response) -> Response:
        """Add a new token to the answer when the old one is of age: it outlives an outage that begins now."""
        if (token := self._tokens.renewed(known)) is not None:
            answer.headers["Refreshed-API-Token"] = token
        return answer


def _needs_the_long_way() -> bool:
    """Tell whether settings do more around a handler than the fast path does, or this Airflow is not checked."""
    if not versions.core_is_checked():
        return True
    return conf.getboolean("core", "multi_team", fallback=False) or conf.getboolean("traces", "otel_on", fallback=False)


def _handle(request: FastRequest, call: Call) -> Response:
    """Call the handler in a transaction of its own; runs in a thread, in a copy of the request's context."""
    assert request.route.call is not None
    with database_failures.watched(), create_session(scoped=False) as session:
        result = request.route.call(call, session)
        return result if isinstance(result, Response) else _filled(call.response, result)


def _filled(response: Response, result: Any) -> Response:
    if isinstance(result, BaseModel):
        response.body = result.model_dump_json(exclude_unset=True, by_alias=True).encode()
    elif isinstance(result, bytes):
        response.body = result
    elif result is not None:
        response.body = json.dumps(result, separators=(",", ":")).encode()
    return response


def _name_in_log(request: FastRequest) -> None:
    structlog.contextvars.clear_contextvars()
    if correlation := request.headers.get(b"correlation-id"):
        structlog.contextvars.bind_contextvars(correlation_id=correlation.decode("latin-1"))


async def _send(response: Response, version: bytes, correlation: bytes | None, send: Send) -> None:
    headers = [*response.raw_headers, (b"airflow-api-version", version)]
    if response.body:
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-length", str(len(response.body)).encode()))
    if correlation:
        headers.append((b"correlation-id", correlation))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
