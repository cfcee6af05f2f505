"""The HTTP client of airfleet: of the agent, the command line, and an api-server that reads logs of other hosts.

It is the standard library's. In the agent that costs 0.1 MB, because psycopg and importlib.metadata have loaded what
``http.client`` needs; httpx would cost 7 MB, and each command 70 ms. The one exception is :mod:`airfleet.worker`:
Airflow's client of the execution API is an httpx client.

A request goes to the server in its address, never through a proxy, and redirects are not followed. Every fault of the
way is an OSError, so no caller has to know which library is below.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    import ssl

_BLOCK_BYTES: Final = 64 * 1024


class NotConnected(OSError):
    """There was no connection, so nothing has been asked."""


class BrokenAnswer(OSError):
    """The server's words are no HTTP, or end too early."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that a server may take to take the connection, and then for each piece of its answer."""

    connect: float
    read: float


@dataclass(frozen=True)
class HttpAnswer:
    """A whole answer, or the beginning that was asked for."""

    status: int
    body: bytes


class OpenHttpAnswer:
    """An answer whose body is still to be read; closes its connection when it is closed."""

    def __init__(self, connection: http.client.HTTPConnection, way: socket.socket) -> None:
        self._connection = connection
        # Kept, as the connection forgets it when the server says that it will close.
        self._way = way
        self._response = connection.getresponse()

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return self._response.status

    @property
    def stream(self) -> IO[bytes]:
        """The body as a file; reading it raises OSError and HTTPException."""
        return cast(IO[bytes], self._response)

    def read(self, most_bytes: int | None = None) -> bytes:
        """Return the body, or no more than its first bytes. Raises OSError."""
        if most_bytes == 0:
            return b""  # the library would wait for the length of the first chunk
        with _in_terms_of_the_system():
            return self._response.read(most_bytes)

    def read_some(self, seconds: float) -> bytes:
        """Return what comes next within so many seconds; empty at the end. Raises TimeoutError, OSError."""
        if self._response.isclosed():
            return b""
        with _in_terms_of_the_system():
            self._way.settimeout(seconds)
            return self._response.read1(_BLOCK_BYTES)

    def close(self) -> None:
        """Give up the connection."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> OpenHttpAnswer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ask(
    method: str,
    url: str,
    timeouts: Timeouts,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    most_bytes: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> HttpAnswer:
    """Send one request and return its answer, of the body no more than ``most_bytes``.

    ``tls``: whom to trust behind an address of ``https``, when that is not the system's choice.

    Raises:
        NotConnected: nothing has been asked.
        OSError: the request may have arrived, and there is no answer.
        ValueError: this makes no request: a header has an end of line, for one.
    """
    with begin(method, url, timeouts, headers=headers, body=body, tls=tls) as answer:
        return HttpAnswer(answer.status, answer.read(most_bytes))


def begin(
    method: str,
    url: str,
    timeouts: Timeouts,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> OpenHttpAnswer:
    """Send one request and return its answer as soon as the status is there. Raises what :func:`ask` raises."""
    where = urlsplit(url)
    target = urlunsplit(("", "", where.path or "/", where.query, ""))
    with _in_terms_of_the_system():
        connection = _connection(where.scheme, where.netloc, timeouts.connect, tls)
        try:
            way = _connected(connection)
            way.settimeout(timeouts.read)
            connection.request(method, target, body, dict(headers or {}))
            return OpenHttpAnswer(connection, way)
        except BaseException:
            connection.close()
            raise


def _connection(scheme: str, place: str, seconds: float, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(place, timeout=seconds, context=tls)
    return http.client.HTTPConnection(place, timeout=seconds)


def _connected(connection: http.client.HTTPConnection) -> socket.socket:
    try:
        connection.connect()
    except OSError as wrong:
        raise NotConnected(str(wrong)) from wrong
    return cast(socket.socket, connection.sock)


@contextmanager
def _in_terms_of_the_system() -> Iterator[None]:
    """Raise OSError for what the library calls an HTTPException."""
    try:
        yield
    except OSError:
        raise  # one of them is both
    except http.client.HTTPException as broken:
        raise BrokenAnswer(str(broken) or type(broken).__name__) from broken
