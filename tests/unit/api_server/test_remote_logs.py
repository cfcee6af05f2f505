"""The logs of another host: asked for part by part, as long as they were when they were found."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airfleet.api_server import remote_logs
from airfleet.api_server.remote_logs import Server
from airfleet.log_server.main import PARTS

LOG = "dag_id=a/run_id=ü b/attempt=1.log"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AIRFLEET__LOGS_KEY", "a key of logs " * 5)


@contextmanager
def log_server(files: dict[str, bytes], status: int = 200) -> Iterator[tuple[Server, list[dict[str, str]]]]:
    """A log server with these files, and the headers of every request."""
    headers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers.append({name.lower(): value for name, value in self.headers.items()})
            if self.path.startswith(PARTS):
                body = json.dumps([(name, len(text)) for name, text in files.items()]).encode()
            else:
                wanted = headers[-1]["range"].removeprefix("bytes=0-")
                body = next(iter(files.values()))[: int(wanted) + 1]
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Server("work-1", f"127.0.0.1:{server.server_address[1]}"), headers
        server.shutdown()
        thread.join()


def test_a_part_is_read_as_lines_with_half_letters_made_whole() -> None:
    with log_server({LOG: "für\nalle\n".encode() + b"\xff"}) as (server, headers):
        found = remote_logs.ask(server, LOG)
        assert list(found.sources) == [f"work-1: {LOG}"]
        assert [list(stream) for stream in found.streams] == [["für", "alle", "\ufffd"]]
    assert [one["accept-encoding"] for one in headers] == ["identity"] * 2
    assert all(one["authorization"].count(".") == 2 for one in headers)
    assert headers[1]["range"] == "bytes=0-10"


def test_a_part_without_text_is_not_asked_for() -> None:
    with log_server({LOG: b""}) as (server, headers):
        assert list(remote_logs.ask(server, LOG).sources) == []
    assert len(headers) == 1


@pytest.mark.parametrize(("status", "said"), [(403, "403 Forbidden"), (500, "500 Internal Server Error")])
def test_a_refusal_is_a_sentence_in_the_head_of_the_log(status: int, said: str) -> None:
    with log_server({LOG: b"x"}, status) as (server, _):
        found = remote_logs.ask(server, LOG)
    assert list(found.sources) == [f"The logs of host 'work-1' ({server.place}) could not be read: it answers {said}"]
    assert list(found.streams) == []


def test_a_host_that_is_not_there_is_a_sentence() -> None:
    with log_server({}) as (server, _):
        pass
    assert "could not be read: [Errno 111]" in remote_logs.ask(server, LOG).sources[0]


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with log_server({LOG: b"x"}) as (server, _):
        assert list(remote_logs.ask(server, LOG).sources) == [f"work-1: {LOG}"]
