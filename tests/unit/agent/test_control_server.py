"""The server of the agent's socket, driven by a loop of the test."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent import control, setup
from airfleet.agent.control import Snapshot
from airfleet.agent.server import ControlServer


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
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with setup.listen(tmp_path / "s") as made:
        yield made


@pytest.mark.parametrize("memory", [False, True])
def test_the_fleet_is_looked_at_from_the_loop_alone(listener: socket.socket, memory: bool) -> None:
    agent, told = OneComponentDies(), list[Snapshot]()
    with selectors.DefaultSelector() as selector:
        ControlServer(listener, selector, agent)
        path = Path(listener.getsockname())
        asking = threading.Thread(target=lambda: told.append(control.status(path, memory=memory)))
        asking.start()
        while asking.is_alive():
            for key, _ in selector.select(0.05):
                key.data(key.fileobj)
    assert agent.seen_from == {threading.get_ident()}
    assert [snapshot.state for snapshot in told] == ["ready"]
    assert [c.name for c in told[0].components] == (["agent"] if memory else [])
