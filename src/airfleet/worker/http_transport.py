"""Carries the requests of an httpx client over HTTP without TLS, on connections that stay open.

httpx takes a request through two libraries in pure Python, which can do more than is asked of them here: several
protocols, streams, proxies, hundreds of connections that threads share. A monitor asks one question at a time and waits
for the whole answer; a quarter of the CPU that it used was spent below httpx. So the way to the server is this one,
with the parser (in C) that Airflow's own server reads requests with. Requests, answers and errors stay
httpx.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias
from urllib.request import getproxies

import httptools
import httpx

_Address: TypeAlias = tuple[str, int]

_PORT = 80
_CHUNK = 65_536


def transport(keep_seconds: float, proxies: Callable[[], Mapping[str, str]] = getproxies) -> PlainTransport | None:
    """Make the transport for ``http`` addresses; None where the environment names a proxy for them."""
    named = proxies()
    return None if "http" in named or "all" in named else PlainTransport(keep_seconds)


class PlainTransport(httpx.BaseTransport):
    """Carries one request at a time, each to its whole answer, and keeps one unused connection to each server.

    ``keep_seconds``: how long, for what is between may forget an idle connection without a word.
    """

    def __init__(self, keep_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._kept: dict[_Address, tuple[socket.socket, float]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the whole answer. Raises httpx.TransportError where httpx would."""
        try:
            answer = self._ask(request)
        except httpx.TransportError as error:
            error.request = request
            raise
        stream = httpx.ByteStream(b"".join(answer.body))
        return httpx.Response(answer.status, headers=answer.headers, stream=stream, request=request)

    def close(self) -> None:
        """Close what is open."""
        while self._kept:
            self._kept.popitem()[1][0].close()

    def _ask(self, request: httpx.Request) -> _Answer:
        seconds = request.extensions.get("timeout", {})
        address, message = (request.url.host, request.url.port or _PORT), _written(request)
        connection = self._take(address) or _connected(address, seconds.get("connect"))
        answer = _Answer(has_no_body=request.method == "HEAD")
        try:
            _send(connection, message, seconds.get("write"))
            _read(connection, answer, seconds.get("read"))
        except BaseException:
            connection.close()
            raise
        if answer.keeps_open:
            self._keep(address, connection)
        else:
            connection.close()
        return answer

    def _take(self, address: _Address) -> socket.socket | None:
        """Take the kept connection; None when the server has closed it, which can be read, or it is old."""
        connection, since = self._kept.pop(address, (None, 0.0))
        if connection is None or (self._clock() - since < self._keep_seconds and not _can_be_read(connection)):
            return connection
        connection.close()
        return None

    def _keep(self, address: _Address, connection: socket.socket) -> None:
        other, _ = self._kept.pop(address, (None, 0.0))
        if other is not None:
            other.close()
        self._kept[address] = (connection, self._clock())


@dataclass
class _Answer:
    """An answer as the parser finds it."""

    has_no_body: bool
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    status: int = 0
    is_complete: bool = False
    #: the connection can be used again
    keeps_open: bool = False
    #: the server closes the connection where the body ends
    ends_with_connection: bool = False

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def take(self, chunk: bytes) -> None:
        """Raises httptools.HttpParserError for what is no answer."""
        try:
            self.parser.feed_data(chunk)
        except httptools.HttpParserError:
            if not self.is_complete:
                raise
            self.keeps_open = False  # nobody asked for what comes after the answer

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("there is more than one answer")
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        # The parser forgets both at the end of the message.
        self.status, self.keeps_open = self.parser.get_status_code(), self.parser.should_keep_alive()
        self.is_complete = self.has_no_body and self.status >= HTTPStatus.OK
        names = {name.lower() for name, _ in self.headers}
        self.ends_with_connection = names.isdisjoint((b"content-length", b"transfer-encoding"))

    def on_body(self, chunk: bytes) -> None:
        self.body.append(chunk)

    def on_message_complete(self) -> None:
        self.is_complete = self.status >= HTTPStatus.OK  # others come before the answer itself


def _written(request: httpx.Request) -> bytes:
    """Return the request as bytes. Raises httpx.LocalProtocolError for a header that would end before its time."""
    lines = [b"%s: %s\r\n" % pair for pair in request.headers.raw]
    head = b"%s %s HTTP/1.1\r\n%s" % (request.method.encode("ascii"), request.url.raw_path, b"".join(lines))
    if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1 or b"\0" in head:
        raise httpx.LocalProtocolError("a header of the request holds an end of line")
    return head + b"\r\n" + request.read()


def _connected(address: _Address, seconds: float | None) -> socket.socket:
    with _told_as(httpx.ConnectTimeout, httpx.ConnectError):
        connection = socket.create_connection(address, timeout=seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send(connection: socket.socket, message: bytes, seconds: float | None) -> None:
    with _told_as(httpx.WriteTimeout, httpx.WriteError):
        connection.settimeout(seconds)
        connection.sendall(message)


def _read(connection: socket.socket, answer: _Answer, seconds: float | None) -> None:
    with _told_as(httpx.ReadTimeout, httpx.ReadError):
        connection.settimeout(seconds)
        while not answer.is_complete:
            chunk = connection.recv(_CHUNK)
            if chunk:
                answer.take(chunk)
            elif answer.status and answer.ends_with_connection:
                break
            else:
                raise httpx.RemoteProtocolError("the server closed the connection before its answer was complete")
    del answer.parser  # each has the other


def _can_be_read(connection: socket.socket) -> bool:
    asked = select.poll()
    asked.register(connection, select.POLLIN)
    return bool(asked.poll(0))


@contextmanager
def _told_as(too_late: type[httpx.TimeoutException], broken: type[httpx.NetworkError]) -> Iterator[None]:
    """Say what goes wrong in httpx's words."""
    try:
        yield
    except TimeoutError as error:
        raise too_late(str(error)) from error
    except httptools.HttpParserError as error:
        raise httpx.RemoteProtocolError(str(error) or type(error).__name__) from error
    except OSError as error:
        raise broken(str(error)) from error
