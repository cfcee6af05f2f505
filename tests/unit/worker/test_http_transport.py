"""The way of requests below httpx: the same answers and errors as httpx's own, on one connection."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from airfleet.testing.ports import free_ports
from airfleet.worker import http_transport
from airfleet.worker.http_transport import PlainTransport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
ZIPPED = gzip.compress(b'{"a": "' + b"b" * 500 + b'"}')
#: seconds that are waited for a server that says nothing, and for one that answers
SHORT, LONG = 0.2, 10.0


@dataclass
class Server:
    """Answers each request with the same pieces; ends the connection after it when ``closes``."""

    pieces: Sequence[bytes]
    closes: bool = False
    port: int = 0
    #: what arrived, by connection
    arrived: list[list[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.arrived.append([])
                threading.Thread(target=self._answer, args=(connection, self.arrived[-1]), daemon=True).start()

    def _answer(self, connection: socket.socket, requests: list[bytes]) -> None:
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := _request(connection):
                requests.append(request)
                for piece in self.pieces:
                    connection.sendall(piece)
                if self.closes:
                    return


def _request(connection: socket.socket) -> bytes:
    """One request; nothing when the client has gone."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (chunk := connection.recv(4096)):
            return b""
        read += chunk
    head, _, body = read.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


@contextmanager
def server(*pieces: bytes, closes: bool = False) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Server(pieces, closes, listening.getsockname()[1])
        thread = threading.Thread(target=made.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def client(transport: httpx.BaseTransport | None = None, read_seconds: float = LONG) -> httpx.Client:
    timeout = httpx.Timeout(LONG, read=read_seconds)
    return httpx.Client(transport=transport or PlainTransport(keep_seconds=60.0), timeout=timeout)


@pytest.mark.parametrize(
    ("pieces", "closes"),
    [
        ([OK], False),
        ([OK], True),
        ([OK[at : at + 1] for at in range(len(OK))], False),
        ([b"HTTP/1.1 204 No Content\r\nserver: one\r\nserver: two\r\n\r\n"], False),
        ([b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"], True),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{", b"}\r\n0\r\n\r\n"], False),
        ([b"HTTP/1.1 200 OK\r\n\r\n{", b"}"], True),
        ([b"HTTP/1.0 200 OK\r\n\r\n{}"], True),
        ([b"HTTP/1.1 100 Continue\r\nx: 1\r\n\r\n", OK], False),
        ([b"HTTP/1.1 307 Elsewhere\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n"], False),
        ([b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(ZIPPED), ZIPPED], False),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n", b"x" * 300_000], False),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"], True),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}"], True),
        ([b"HTTP/1.1 200 OK\r\ncont"], True),
        ([OK + OK], False),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], False),
        ([], True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_what_comes_of_a_request_is_what_httpx_makes_of_it(pieces: list[bytes], closes: bool, method: str) -> None:
    times = 1 if closes else 2  # whether the end of a connection is seen before it is used again is a race
    by_httpx, plain = _outcomes(pieces, method, LONG, times, closes=closes)
    assert plain == by_httpx


@pytest.mark.parametrize(
    "pieces", [[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"], [b"HTTP/1.1 200 OK\r\ncont"], []]
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_server_that_falls_silent_is_waited_for_as_long_as_by_httpx(pieces: list[bytes], method: str) -> None:
    by_httpx, plain = _outcomes(pieces, method, SHORT, times=2)
    assert plain == by_httpx
    assert [kind for kind, _ in plain] == [httpx.ReadTimeout] * 2


def _outcomes(
    pieces: list[bytes], method: str, read_seconds: float, times: int, *, closes: bool = False
) -> list[list[Any]]:
    """What comes of the same requests by httpx and by ours."""
    found = []
    with server(*pieces, closes=closes) as asked:
        for transport in (httpx.HTTPTransport(), PlainTransport(60.0)):
            with client(transport, read_seconds) as asking:
                found.append([_outcome(asking, method, asked.url) for _ in range(times)])
    return found


def _outcome(asking: httpx.Client, method: str, url: str) -> object:
    """The answer, or how there is none."""
    try:
        answer = asking.request(method, url)
    except httpx.TransportError as error:
        return type(error), error.request.url
    return answer.status_code, answer.headers.multi_items(), answer.content


def test_the_answer_to_a_head_has_no_body_whatever_its_length_says() -> None:
    with server(b"HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n") as asked, client() as asking:
        answers = [asking.head(asked.url) for _ in range(2)]
    assert [(answer.headers["content-length"], answer.content) for answer in answers] == [("70", b"")] * 2
    assert len(asked.arrived) == 1


def test_a_request_arrives_as_httpx_would_send_it() -> None:
    with server(OK) as asked:
        for transport in (httpx.HTTPTransport(), PlainTransport(60.0)):
            with client(transport) as asking:
                asking.post(f"{asked.url}/ü/a b?c=d e", json={"ä": 1}, headers={"x-one": "a: b", "x-two": ""})
    ((by_httpx,), (plain,)) = asked.arrived
    assert plain == by_httpx


def test_requests_share_a_connection() -> None:
    with server(OK) as asked, client() as asking:
        for _ in range(3):
            asking.get(asked.url)
    assert [len(requests) for requests in asked.arrived] == [3]


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    with server(OK, closes=True) as asked, client() as asking:
        for _ in range(3):
            assert asking.get(asked.url).status_code == 200
            _until_closed(asking)
    assert [len(requests) for requests in asked.arrived] == [1, 1, 1]


def _until_closed(asking: httpx.Client) -> None:
    """Until the end of the connection has come here."""
    transport = asking._transport
    assert isinstance(transport, PlainTransport)
    ((kept, _),) = transport._kept.values()
    assert kept.recv(1, socket.MSG_PEEK) == b""


def test_a_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    now = [0.0]
    with server(OK) as asked, client(PlainTransport(60.0, clock=lambda: now[0])) as asking:
        for now[0] in (0.0, 59.0, 118.0, 179.0):
            asking.get(asked.url)
    assert [len(requests) for requests in asked.arrived] == [3, 1]


@pytest.mark.parametrize(
    ("sent", "content"),
    [(OK + OK.replace(b"{}", b"[]"), b"{}"), (b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}", b"")],
)
def test_what_comes_after_an_answer_is_taken_for_no_other(sent: bytes, content: bytes) -> None:
    with server(sent) as asked, client() as asking:
        assert [asking.get(asked.url).content for _ in range(2)] == [content] * 2
    assert len(asked.arrived) == 2


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_no_header_ends_before_its_time(value: str) -> None:
    with server(OK) as asked, client() as asking, pytest.raises(httpx.LocalProtocolError):
        asking.get(asked.url, headers={"a": value})
    assert asked.arrived == []


def test_nobody_listens() -> None:
    with client() as asking, pytest.raises(httpx.ConnectError, match="Connection refused") as refused:
        asking.get(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert refused.value.request.method == "GET"


@pytest.mark.parametrize("named", ["http", "all"])
def test_a_proxy_of_the_environment_is_left_to_httpx(named: str) -> None:
    assert http_transport.transport(60.0, lambda: {named: "http://proxy:3128"}) is None
    assert http_transport.transport(60.0, lambda: {"https": "http://proxy:3128"}) is not None
