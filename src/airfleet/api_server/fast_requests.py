"""Requests that the fast path can be sure of: their paths, options, headers and bodies.

A request that is spelled otherwise than clients of Airflow spell it goes to Airflow's application, which knows every
spelling.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from airfleet.api_server.fast_handlers import TASK_INSTANCE, XCOM, FastRoute

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: bytes of the longest body that is read here; a larger one costs more than its way
_MOST_BODY_BYTES = 262_144
#: numbers and identifiers as they are usually written
_SIZE, _INTEGER = re.compile(rb"[0-9]{1,9}"), re.compile(r"-?[0-9]{1,9}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class FastRequest:
    """A request that may take the fast path."""

    route: FastRoute
    task_instance_id: UUID | None
    xcom: Mapping[str, Any]
    headers: Mapping[bytes, bytes]

    def bearer(self) -> str | None:
        """Return the token of the request."""
        kind, _, text = self.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return text if kind.lower() == "bearer" else None


def find(scope: Message, root: str, version: bytes) -> FastRequest | None:
    """Return a request with a fast path that speaks this version; ``root`` is the path of a proxy."""
    found = _match(scope["method"], scope["path"].removeprefix(root), scope["query_string"])
    if found is None:
        return None
    headers = dict(scope["headers"])
    current = headers.get(b"airflow-api-version") == version
    return FastRequest(*found, headers) if current and _has_its_body(found[0], headers) else None


def _match(method: str, path: str, query: bytes) -> tuple[FastRoute, UUID | None, Mapping[str, Any]] | None:
    parts = path.split("/", 6)
    if parts[1:3] == ["execution", "task-instances"] and len(parts) == 5 and not query:
        of_task = TASK_INSTANCE.get((method, parts[4]))
        identifier = _uuid(parts[3])
        return (of_task, identifier, {}) if of_task and identifier else None
    if method in XCOM and parts[1:3] == ["execution", "xcoms"] and len(parts) == 7 and parts[6]:
        # Below a key there is more to ask for: one of its items, or some.
        if method == "GET" and "/" in parts[6]:
            return None
        route, known = XCOM[method]
        options = _xcom_options(query)
        names = dict(zip(("dag_id", "run_id", "task_id", "key"), parts[3:], strict=True))
        return (route, None, names | options) if options is not None and options.keys() <= known else None
    return None


def _has_its_body(route: FastRoute, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether there is JSON of a size that is read here, or no body where none belongs."""
    size = headers.get(b"content-length", b"")
    if route.body is None:
        return size in (b"", b"0") and b"transfer-encoding" not in headers
    return (
        bool(_SIZE.fullmatch(size))
        and int(size) <= _MOST_BODY_BYTES
        and headers.get(b"content-type") == b"application/json"
    )


def _uuid(text: str) -> UUID | None:
    """Return a UUID as it is usually written; Python reads more spellings than Airflow does."""
    return UUID(text) if _UUID.fullmatch(text) else None


def _xcom_options(query: bytes) -> dict[str, Any] | None:
    """Return the options of an XCom request; None when there are others."""
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in ("map_index", "mapped_length") and _INTEGER.fullmatch(value):
            options[name] = int(value)
        elif name == "dag_result" and value in ("true", "false"):
            options[name] = value == "true"
        else:
            return None
    return options


async def read_body(receive: Receive) -> bytes | None:
    """Return the whole body; None when the client is gone."""
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        read += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(read)


def replayed(body: bytes | None, receive: Receive) -> Receive:
    """Give a body that was read already to the next reader."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}] if body is not None else []

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
