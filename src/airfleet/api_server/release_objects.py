"""The objects of this host's releases, for hosts whose store does not give them.

The protocol is that of :mod:`airfleet.releases.exchange.protocol`. An object is the file that the agent of this host
has fetched and verified; no store is asked, and nothing is listed. The class :class:`ReleaseObjects` stands in front of
the application, and passes on every other request.

A file is read by threads of its own, one piece at a time, as fast as the client takes them.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import Any, BinaryIO, Final, TypeAlias
from urllib.parse import parse_qs

from airfleet.releases.exchange import protocol
from airfleet.releases.places import Places
from airfleet.releases.stores.objects import SMALL

_Message: TypeAlias = MutableMapping[str, Any]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_Headers: TypeAlias = list[tuple[bytes, bytes]]
#: files that are read at once
_THREADS: Final = 4
_CHUNK: Final = 256 << 10
_BYTES: Final = (b"content-type", b"application/octet-stream")


class ReleaseObjects:
    """An application, with the objects of ``places`` for tokens of ``key``; ``root`` is the path of a proxy."""

    def __init__(self, application: Any, places: Places, key: str, root: str = "") -> None:
        self._application = application
        self._places = places
        self._key = key
        self._root = root
        self._threads = ThreadPoolExecutor(_THREADS, "release-objects")

    async def __call__(self, scope: _Message, receive: Any, send: _Send) -> None:
        """Serve one request, or a lifespan."""
        path = scope["path"].removeprefix(self._root) if scope["type"] == "http" else ""
        below = path.removeprefix(protocol.PATH)
        if below == path or (below and below[0] != "/"):
            await self._application(scope, receive, send)
        elif (refusal := self._refusal(scope)) is not None:
            await _say(refusal, send)
        elif below in {"", "/"}:
            await self._many(scope, send)
        else:
            await self._one(scope, below[1:], send)

    def _refusal(self, scope: _Message) -> HTTPStatus | None:
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if not given:
            return HTTPStatus.UNAUTHORIZED
        if not protocol.opens(given.removeprefix("Bearer "), self._key):
            return HTTPStatus.FORBIDDEN
        return None if scope["method"] in {"GET", "HEAD"} else HTTPStatus.METHOD_NOT_ALLOWED

    async def _one(self, scope: _Message, digest: str, send: _Send) -> None:
        file = await self._run(_opened, self._places, digest) if protocol.is_digest(digest) else None
        if file is None:
            await _say(HTTPStatus.NOT_FOUND, send)
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            await _begin(HTTPStatus.OK, [_BYTES, (b"content-length", str(size).encode())], send)
            if scope["method"] == "GET":
                await self._stream(file, size, send)
            await send({"type": "http.response.body"})

    async def _many(self, scope: _Message, send: _Send) -> None:
        asked = _asked(scope["query_string"])
        if asked is None:
            await _say(HTTPStatus.BAD_REQUEST if scope["query_string"] else HTTPStatus.NOT_FOUND, send)
            return
        await _begin(HTTPStatus.OK, [_BYTES], send)
        for digest in asked if scope["method"] == "GET" else ():
            if content := await self._run(_framed, self._places, digest):
                await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body"})

    async def _stream(self, file: BinaryIO, left: int, send: _Send) -> None:
        """Send so many bytes; a file that ends earlier breaks the answer off."""
        while left and (piece := await self._run(file.read, min(_CHUNK, left))):
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _run(self, act: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *arguments)


def _asked(query: bytes) -> Sequence[str] | None:
    """Return the digests of a request for many; None when it is no such request."""
    told = parse_qs(query.decode("latin-1")).get("digests", [""])[0]
    digests = tuple(dict.fromkeys(told.split(",")))
    is_good = len(digests) <= protocol.MOST_AT_ONCE and all(map(protocol.is_digest, digests))
    return digests if is_good else None


def _opened(places: Places, digest: str) -> BinaryIO | None:
    """Open an object of this host: a file, and nothing that a link leads to."""
    for is_executable in (False, True):
        with suppress(OSError):
            found = os.open(
                places.object(digest, executable=is_executable), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )
            file = os.fdopen(found, "rb", buffering=0)
            if stat.S_ISREG(os.fstat(found).st_mode):
                return file
            file.close()
    return None


def _framed(places: Places, digest: str) -> bytes:
    """Return the frame of a small object; nothing for another one, or none."""
    file = _opened(places, digest)
    if file is None:
        return b""
    with file:
        content = b"".join(_pieces(file, SMALL + 1))
    return protocol.frame(digest, len(content)) + content if len(content) <= SMALL else b""


def _pieces(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (piece := file.read(left)):
        left -= len(piece)
        yield piece


async def _say(status: HTTPStatus, send: _Send) -> None:
    said = json.dumps({"detail": _SENTENCES[status]}).encode()
    more = [(b"allow", b"GET, HEAD")] if status is HTTPStatus.METHOD_NOT_ALLOWED else []
    length = (b"content-length", str(len(said)).encode())
    await _begin(status, [(b"content-type", b"application/json"), length, *more], send)
    await send({"type": "http.response.body", "body": said})


async def _begin(status: HTTPStatus, headers: _Headers, send: _Send) -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": headers})


_SENTENCES: Final = {
    HTTPStatus.UNAUTHORIZED: "this needs a token of the fleet",
    HTTPStatus.FORBIDDEN: "this needs a token of the fleet that is good now",
    HTTPStatus.METHOD_NOT_ALLOWED: "objects of releases are only read",
    HTTPStatus.BAD_REQUEST: f"'digests' names at most {protocol.MOST_AT_ONCE} objects, each by 64 hexadecimal digits",
    HTTPStatus.NOT_FOUND: "this host has no such object",
}
