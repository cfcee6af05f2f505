"""A small HTTP server that answers, hangs, fails or drops connections, as it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

#: what a request is answered with: a status, or one of these
HANG, DROP = "hang", "drop"

Answer = int | str


@dataclass
class ToyApi:
    """The server; ``answer`` decides what becomes of each request."""

    answer: Callable[[str, str], Answer] = lambda method, path: 200
    #: (method, path) of every request that arrived
    asked: list[tuple[str, str]] = field(default_factory=list)
    #: the body of every request that arrived, read as JSON; None of one without
    sent: list[Any] = field(default_factory=list)
    #: the headers of every request that arrived, with names in small letters
    headers: list[dict[str, str]] = field(default_factory=list)
    #: headers of every answer
    tells: dict[str, str] = field(default_factory=dict)
    #: bodies of answers with status 200, by the last part of the path
    bodies: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    #: set when hanging requests shall end
    over: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        """Give the paths of every request that arrived."""
        return [path for _, path in self.asked]


@contextmanager
def toy_api(answer: Callable[[str, str], Answer] = lambda method, path: 200, port: int = 0) -> Iterator[ToyApi]:
    """Start a server on a free port of this machine, or on ``port``."""
    api = ToyApi(answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            api.sent.append(json.loads(body) if body.startswith(b"{") else None)
            path = self.path.partition("?")[0]
            api.asked.append((self.command, path))
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            found = api.answer(self.command, path)
            if found == HANG:
                api.over.wait(30)
            if isinstance(found, str):
                self.close_connection = True
                return
            told = json.dumps(api.bodies.get(path.rpartition("/")[2], {"detail": "as it was told"})).encode()
            self.send_response(found)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            for name, value in api.tells.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_PUT = do_POST = do_PATCH = _any

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", port), Handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}/execution/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
