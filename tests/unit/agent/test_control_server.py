"""The server of the agent's socket, driven by a loop of the test."""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.agent import bootstrap, control
from airfleet.agent.control import Snapshot
from airfleet.agent.control_server import ControlServer
from airfleet.system import unix_sockets


class Told:
    """An agent that notes what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    def snapshot(self) -> Snapshot:
        return Snapshot("toy", "ready", pid=os.getpid(), home="/home")

    def stop(self, force: bool = False, drain_seconds: float | None = None) -> None:
        self.done.append(("stop", force, drain_seconds))

    def restart(self, name: str) -> None:
        self.done.append(("restart", name))

    def order(self, host: str, orders: Mapping[str, Any]) -> None:
        self.done.append(("order", host, orders))

    def bury(self, host: str) -> None:
        self.done.append(("bury", host))


class Asked:
    """A server, its loop, and what clients get from it."""

    def __init__(self, path: Path, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        self.agent = Told()
        self._path, self._selector = path, selector
        self._server = ControlServer(listener, selector, self.agent)

    def says(self, request: bytes) -> tuple[bytes, bool]:
        """What comes back, and whether the server hung up."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            unix_sockets.connect(client, self._path)
            client.sendall(request)
            client.setblocking(False)
            read = bytearray()
            while True:  # a server that neither answers nor hangs up is caught by the limit of every test
                for key, _ in self._selector.select(0.001):
                    key.data(key.fileobj)
                try:
                    more = client.recv(65536)
                except BlockingIOError:
                    if read.endswith(b"\n"):
                        return bytes(read), False
                    continue
                if not more:
                    return bytes(read), True
                read += more


@pytest.fixture
def asked(path: Path, listener: socket.socket) -> Iterator[Asked]:
    with selectors.DefaultSelector() as selector:
        yield Asked(path, listener, selector)


NONSENSE = [
    b"nonsense", b"[]", b"null", b"7", b'"stop"', b"{}", b'{"do": null}', b'{"do": "explode"}', b'{"do": ["stop"]}',
    b'{"do": "stop"', b"\xff\xfe", b"\0" * 100, b"[" * 4096, b'{"a":' * 800,
]  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_who_talks_nonsense_is_hung_up_on_and_changes_nothing(asked: Asked, nonsense: bytes) -> None:
    assert asked.says(nonsense) == (b"", True)
    assert asked.agent.done == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [("5", 5.0), ("0", 0.0), ("NaN", None), ("Infinity", None), ("-1", None), ("true", None), ('"5"', None)],
)
def test_how_long_tasks_may_take_is_a_time_or_nothing(asked: Asked, seconds: str, told: float | None) -> None:
    answer, hung_up = asked.says(b'{"do": "stop", "seconds": %s}' % seconds.encode())
    assert json.loads(answer)["fleet"] == "toy"
    assert not hung_up
    assert asked.agent.done == [("stop", False, told)]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_WORDS = st.sampled_from(["status", "watch", "stop", "restart", "order", "bury", "x"])
_REQUESTS = st.dictionaries(
    st.sampled_from(["seconds", "force", "name", "orders", "host"]), _VALUES, max_size=4
).flatmap(lambda request: st.builds(lambda do: json.dumps({**request, "do": do}).encode(), st.one_of(_WORDS, _VALUES)))


@settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=st.one_of(st.binary(min_size=1, max_size=200), _REQUESTS))
def test_whatever_is_asked_the_loop_goes_on(asked: Asked, request: bytes) -> None:
    answer, hung_up = asked.says(request)
    assert hung_up or json.loads(answer)["fleet"] == "toy"
    assert json.loads(asked.says(b'{"do": "status"}')[0])["fleet"] == "toy"


class OneComponentDies:
    """An agent that changes all the time: seen from another thread than its own, it may be in the middle of it."""

    def __init__(self) -> None:
        self.seen_from: set[int] = set()

    def snapshot(self) -> Snapshot:
        self.seen_from.add(threading.get_ident())
        return Snapshot("toy", "ready", pid=os.getpid(), home="/home")

    def stop(self, force: bool = False) -> None: ...

    def restart(self, name: str) -> None: ...

    def order(self, host: str, orders: Mapping[str, Any]) -> None: ...

    def bury(self, host: str) -> None: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def listener(path: Path) -> Iterator[socket.socket]:
    with bootstrap.listen(path) as made:
        yield made


@pytest.mark.parametrize("memory", [False, True])
def test_the_fleet_is_looked_at_from_the_loop_alone(path: Path, listener: socket.socket, memory: bool) -> None:
    agent, told = OneComponentDies(), list[Snapshot]()
    with selectors.DefaultSelector() as selector:
        ControlServer(listener, selector, agent)
        asking = threading.Thread(target=lambda: told.append(control.status(path, memory=memory)))
        asking.start()
        while asking.is_alive():
            for key, _ in selector.select(0.05):
                key.data(key.fileobj)
    assert agent.seen_from == {threading.get_ident()}
    assert [snapshot.state for snapshot in told] == ["ready"]
    assert [c.name for c in told[0].components] == (["agent"] if memory else [])
