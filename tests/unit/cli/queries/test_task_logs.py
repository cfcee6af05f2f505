"""Ends of logs: of lines of JSON and of plain ones, from files and from the API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.facts import Log
from airfleet.cli.queries import task_logs
from airfleet.client.api_client import Api


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def endless() -> Iterator[str]:
    """A server whose answer never ends, as long as somebody reads it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b'{"event": "still here"}\n' * 4000)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with listening(Handler) as url:
        yield url


def test_an_answer_without_an_end_is_cut_off() -> None:
    with endless() as url:
        data, is_whole, is_end = Api(url, "admin", "", token="t").end_of("x", seconds=1.0, most_bytes=100_000)
    assert (is_whole, is_end) == (False, False)
    assert len(data) <= 200_000 + 64 * 1024


@pytest.mark.parametrize("line", ["not json", "[1]", '{"event": 3}', '"text"', "[" * 100_000])
def test_a_line_that_is_no_message_is_text(line: str) -> None:
    assert list(task_logs.entries(line.encode(), is_whole=True)) == [line]


def test_half_a_line_at_the_beginning_is_left_out_but_when_there_is_no_other() -> None:
    assert list(task_logs.entries(b"half\nwhole\n", is_whole=False)) == ["whole"]
    assert list(task_logs.entries(b"half", is_whole=False)) == ["half"]


def test_a_log_with_nothing_to_tell_is_none() -> None:
    assert evidence.read_log([]) == Log()
