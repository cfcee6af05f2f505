"""The HTTP client against small real servers: answers, streams, silence, and words that are no HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from airfleet.system import http_client
from airfleet.system.http_client import BrokenAnswer, HttpAnswer, NotConnected, Timeouts
from support.toy_api import DROP, HANG, toy_api

PATIENT, HASTY = Timeouts(5.0, 5.0), Timeouts(5.0, 0.1)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@contextmanager
def saying(*words: bytes, goes: bool = True) -> Iterator[str]:
    """A server that says this to the first request, piece by piece; it stays on the line unless it ``goes``."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(10_000)
                for one in words:
                    client.sendall(one)
                if not goes:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_request_has_its_method_target_headers_and_body() -> None:
    with toy_api() as api:
        answer = http_client.ask(
            "PATCH", f"{api.url}a%20b?x=1", PATIENT, headers={"Authorization": "Bearer t"}, body=b'{"a": 1}'
        )
    assert answer == HttpAnswer(200, b'{"detail": "as it was told"}')
    assert (api.asked, api.sent) == ([("PATCH", "/execution/a%20b")], [{"a": 1}])
    assert api.headers[0]["authorization"] == "Bearer t"


def test_an_address_without_a_path_is_asked_for_its_root() -> None:
    with toy_api() as api:
        http_client.ask("GET", api.url.removesuffix("/execution/"), PATIENT)
    assert api.paths() == ["/"]


@pytest.mark.parametrize("status", [302, 404, 503])
def test_every_status_is_an_answer(status: int) -> None:
    with toy_api(lambda *_: status) as api:
        api.tells["location"] = f"{api.url}elsewhere"
        assert http_client.ask("GET", api.url, PATIENT).status == status
        assert len(api.asked) == 1


@pytest.mark.parametrize(("most", "body"), [(None, b"0123456789"), (4, b"0123"), (0, b""), (99, b"0123456789")])
@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789", CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n"]
)
def test_no_more_of_a_body_is_read_than_was_asked_for(said: bytes, most: int | None, body: bytes) -> None:
    with saying(said) as url:
        assert http_client.ask("GET", url, PATIENT, most_bytes=most).body == body


def test_a_status_is_enough_when_the_body_does_not_come() -> None:
    with saying(CHUNKED, goes=False) as url:
        assert http_client.ask("GET", url, PATIENT, most_bytes=0).status == 200


def test_nothing_has_been_asked_where_nobody_listens() -> None:
    with pytest.raises(NotConnected, match="Connection refused"):
        http_client.ask("GET", nowhere(), PATIENT)


def test_an_address_with_tls_is_asked_with_tls() -> None:
    with toy_api() as api:
        with pytest.raises(NotConnected, match="SSL"):
            http_client.ask("GET", api.url.replace("http:", "https:"), PATIENT)
        assert api.asked == []


def test_a_server_that_hangs_is_waited_for_as_long_as_was_said() -> None:
    began = time.monotonic()
    with toy_api(lambda *_: HANG) as api:
        with pytest.raises(TimeoutError):
            http_client.ask("GET", api.url, HASTY)
        assert 0.1 <= time.monotonic() - began < 5.0


def test_a_connection_that_breaks_may_have_carried_the_request() -> None:
    with toy_api(lambda *_: DROP) as api:
        with pytest.raises(OSError, match=r".") as broken:
            http_client.ask("GET", api.url, PATIENT)
        assert not isinstance(broken.value, NotConnected)
        assert len(api.asked) == 1


@pytest.mark.parametrize(
    "said",
    [b"what?\r\n", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n012", CHUNKED + b"zz\r\n"],
)
def test_words_that_are_no_http_or_end_too_early_are_an_error_of_the_system(said: bytes) -> None:
    with saying(said) as url, pytest.raises(BrokenAnswer, match=r"."):
        http_client.ask("GET", url, PATIENT)


def test_an_address_that_is_none_is_an_error_of_the_system() -> None:
    with pytest.raises(BrokenAnswer, match="nonnumeric port"):
        http_client.ask("GET", "http://127.0.0.1:port/", PATIENT)


def test_a_header_with_an_end_of_line_makes_no_request() -> None:
    with toy_api() as api:
        with pytest.raises(ValueError, match="header"):
            http_client.ask("GET", api.url, PATIENT, headers={"Authorization": "t\nX: y"})
        assert api.asked == []


@pytest.mark.parametrize("closes", [b"", b"connection: close\r\n"], ids=["kept open", "closed at the end"])
def test_a_stream_is_read_as_it_comes_and_no_longer_than_was_said(closes: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\n" + closes + b"\r\n"
    with saying(said, b"one", goes=False) as url, http_client.begin("GET", url, PATIENT) as answer:
        assert answer.read_some(5.0) == b"one"
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            answer.read_some(0.1)
        assert time.monotonic() - began < 3.0


def test_a_stream_has_an_end() -> None:
    with saying(CHUNKED + b"3\r\none\r\n0\r\n\r\n") as url, http_client.begin("GET", url, PATIENT) as answer:
        assert answer.stream.read() == b"one"
        assert (answer.read_some(5.0), answer.read_some(5.0)) == (b"", b"")
