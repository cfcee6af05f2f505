"""An agent that only talks: it speaks the control protocol and answers what a test tells it to."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.states import State
from airfleet.system import unix_sockets


def component(name: str, state: State = State.READY, **more: object) -> ComponentStatus:
    return ComponentStatus(name, more.pop("kind", name), state, **{"started_after": 1.5, "since": 60.0, **more})  # type: ignore[arg-type]


def snapshot(*components: ComponentStatus, state: str = "ready", **more: object) -> Snapshot:
    given = {"fleet": "shop", "pid": 4711, "home": "/somewhere", "elapsed": 75.0, "ready_after": 8.2, **more}
    return Snapshot(state=state, components=components, **given)  # type: ignore[arg-type]


#: a fleet of two components that is healthy
POSTGRES = component("postgres", started_after=1.2)
SCHEDULER = component("scheduler", started_after=4.06, address="127.0.0.1:8974")
READY = snapshot(
    POSTGRES,
    SCHEDULER,
    url="http://127.0.0.1:8080",
    user="admin",
    password_file="/shop/.airfleet/password",
    elapsed=8.2,
)


class FakeAgent:
    """Answers ``status`` and orders with the last snapshot, ``watch`` and ``stop`` with all of theirs."""

    def __init__(self, watched: Sequence[Snapshot], stopped: Sequence[Snapshot] = ()) -> None:
        self.watched = tuple(watched)
        self.stopped = tuple(stopped)
        self.asked: list[str] = []
        #: what was asked, beside what the answer is told by
        self.orders: list[dict[str, object]] = []
        #: set to let ``watch`` end after its last snapshot; until then it stays open
        self.gone = threading.Event()

    def answers(self, request: dict[str, object]) -> Iterator[Snapshot]:
        self.asked.append(str(request["do"]))
        if request["do"] in ("order", "bury", "stop"):
            self.orders.append(request)
        if request["do"] in ("status", "order", "bury"):
            yield self.watched[-1]
        elif request["do"] == "watch":
            yield from self.watched
            self.gone.wait(30)
        else:
            yield from self.stopped
            self.gone.set()


@contextmanager
def listening(agent: FakeAgent, path: Path) -> Iterator[FakeAgent]:
    """Let ``agent`` answer on the socket ``path``."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            for answer in agent.answers(request):
                self.wfile.write(json.dumps(answer.to_json()).encode() + b"\n")
                self.wfile.flush()

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def server_bind(self) -> None:
            """Bind a path of any length, as the real one does."""
            unix_sockets.bind(self.socket, path)

        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore a client that hung up."""

    path.parent.mkdir(parents=True, exist_ok=True)
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield agent
        finally:
            agent.gone.set()
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
