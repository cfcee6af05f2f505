"""A log that has grown large is set aside while its component goes on writing to it."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent import __main__ as program
from airfleet.agent import bootstrap
from airfleet.agent.cluster.reattach import NOTHING
from airfleet.agent.host import log_rotation
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.planning.ports import PortBook

MOST = 100


class Told:
    """What was logged."""

    def __init__(self) -> None:
        self.events: list[tuple[Event, dict[str, Any]]] = []
        self.done = threading.Event()

    def __call__(self, event: Event, **payload: Any) -> None:
        self.events.append((event, payload))
        self.done.set()


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_a_component_writes_afterwards_is_the_first_of_its_log(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "nginx.log"
    with path.open("ab", buffering=0) as component:
        for _ in range(2):
            before = b"a line\n" * MOST
            component.write(before)
            log_rotation.set_aside(tmp_path, MOST, told)
            assert path.read_bytes() == b""
            assert (tmp_path / "nginx.log.1").read_bytes() == before
            component.write(b"the next\n")
            assert path.read_bytes() == b"the next\n"
            component.truncate(0)
    assert told.events == [(Event.LOG_SET_ASIDE, {"component": "nginx", "size": 0, "file": "nginx.log.1"})] * 2
    assert (tmp_path / "nginx.log.1").stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["nginx.log", "nginx.log.1"]


def test_small_logs_links_and_other_files_are_left(tmp_path: Path, told: Told) -> None:
    (tmp_path / "small.log").write_bytes(b"x" * MOST)
    for name in ("scheduler.log.1", "elsewhere"):
        (tmp_path / name).write_bytes(b"x" * 5 * MOST)
    (tmp_path / "link.log").symlink_to(tmp_path / "elsewhere")
    log_rotation.set_aside(tmp_path, MOST, told)
    log_rotation.set_aside(tmp_path / "none", MOST, told)
    assert told.events == []
    assert {entry.name for entry in tmp_path.iterdir()} == {"small.log", "scheduler.log.1", "elsewhere", "link.log"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that takes nothing")
def test_a_log_for_which_there_is_no_room_aside_stays_as_it_is(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "worker.log"
    path.write_bytes(b"x" * 2 * MOST)
    monkeypatch.setattr(log_rotation, "private", lambda _path, flags: os.open("/dev/full", flags & ~os.O_CREAT))
    log_rotation.set_aside(tmp_path, MOST, told)
    assert path.read_bytes() == b"x" * 2 * MOST
    assert told.events == []
    assert list(tmp_path.iterdir()) == [path]


def test_an_agent_looks_from_its_start_on(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scheduler.log").write_bytes(b"x" * 3_500_000)
    monkeypatch.setattr(log_rotation, "MOST_BYTES", 1_000_000)
    log_rotation.set_aside_from_now_on(tmp_path, told)
    assert told.done.wait(10)
    assert told.events == [(Event.LOG_SET_ASIDE, {"component": "scheduler", "size": 3, "file": "scheduler.log.1"})]


def test_it_goes_on_looking(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rotation, "MOST_BYTES", MOST)
    monkeypatch.setattr(log_rotation, "PAUSE_SECONDS", 0.01)
    path = tmp_path / "worker.log"
    path.touch()
    log_rotation.set_aside_from_now_on(tmp_path, told)
    for _ in range(2):
        told.done.clear()
        os.truncate(path, 2 * MOST)
        assert told.done.wait(10)
    assert [event for event, _ in told.events] == [Event.LOG_SET_ASIDE] * 2


def test_it_begins_with_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Waiting:
        """An agent that runs until a log is set aside, as its own says."""

        def __init__(self, plan: Plan, paths: Paths, *_: object, **__: object) -> None:
            self.log = paths.log("agent")

        def run(self, _: socket.socket) -> None:
            wait_until(lambda: "api-server" in self.log.read_text(), 10, "the log is set aside")

    paths = Paths(home=tmp_path / "home", runtime=tmp_path / "run")
    paths.logs.mkdir(parents=True)
    (paths.logs / "api-server.log").write_bytes(b"x" * 2 * MOST)
    monkeypatch.setattr(log_rotation, "MOST_BYTES", MOST)
    monkeypatch.setattr(program, "assemble", Waiting)
    plan = Plan("toy", tmp_path, (), {}, {}, "http://127.0.0.1:1", "admin")
    with (tmp_path / "lock").open("w") as lock, socket.socket() as listener:
        program._run(bootstrap.Prepared(plan, paths, lock, PortBook(paths.ports), (), NOTHING), listener)
    assert (paths.logs / "api-server.log").read_bytes() == b""
