"""Agents of a home that are found although their socket is not where it should be."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airfleet.agent.host import agent_search
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.system import process_tree, unix_sockets

#: has the words of an agent's command line when these are given
STAND_IN = "import signal; signal.pause()"
Start = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a stand-in for an agent of a home."""
    with ExitStack() as stack:

        def started(home: Path, *words: str, **environ: str) -> int:
            argv = [sys.executable, "-c", STAND_IN, *(words or ("airfleet.agent", "--root", "/project"))]
            process = subprocess.Popen(argv, env={process_tree.MARK: fleet_id(home), **environ})
            stack.callback(process.wait)
            stack.callback(process.kill)
            wait_until(lambda: STAND_IN in _command(process.pid), 20, "it has its command line")
            return process.pid

        yield started


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def places(home: Path) -> Paths:
    return Paths(home, home / "run")


def found(home: Path) -> list[int]:
    return [agent.pid for agent in agent_search.find(home)]


def test_an_agent_is_found_by_its_home(home: Path, start: Start, tmp_path: Path) -> None:
    pid = start(home)
    assert found(home) == [pid]
    assert found(tmp_path / "copy") == []


def test_an_agent_is_found_when_its_home_was_deleted(home: Path, start: Start) -> None:
    pid = start(home)
    shutil.rmtree(home)
    assert found(home) == [pid]


def test_what_a_fleet_runs_is_no_agent(home: Path, start: Start) -> None:
    start(home, "airfleet.agent.cluster.watchdog", "id")
    assert found(home) == []


def test_an_agent_that_has_ended_is_not_found(home: Path, start: Start) -> None:
    pid = start(home)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: found(home) == [], 20, "it is a zombie, and none of ours")


def test_the_agent_of_an_older_airfleet_is_reached_at_its_place(home: Path, start: Start, tmp_path: Path) -> None:
    runtime = tmp_path / f"airfleet-{fleet_id(home)}"
    runtime.mkdir()
    start(home, XDG_RUNTIME_DIR=str(tmp_path))
    with socket.socket(socket.AF_UNIX) as listener:
        unix_sockets.bind(listener, runtime / "agent.sock")
        assert agent_search.reachable(places(home)).socket == runtime / "agent.sock"


def test_a_place_that_is_a_link_is_none_of_an_older_airfleet(home: Path, start: Start, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "agent.sock").touch()
    (tmp_path / f"airfleet-{fleet_id(home)}").symlink_to("real")
    start(home, XDG_RUNTIME_DIR=str(tmp_path))
    assert agent_search.reachable(places(home)) == places(home)


def test_an_agent_of_the_same_project_with_another_home_is_named(home: Path, start: Start, tmp_path: Path) -> None:
    pid = start(home, AIRFLEET_HOME=str(home))
    assert agent_search.homes_elsewhere(Path("/project"), Path("/project/.airfleet")) == {pid: str(home)}
    assert agent_search.homes_elsewhere(Path("/project"), home) == {}
    assert agent_search.homes_elsewhere(Path("/another"), Path("/another/.airfleet")) == {}


def test_an_agent_of_the_usual_home_is_named_where_another_home_is_asked_for(home: Path, start: Start) -> None:
    usual = Path("/project/.airfleet")
    pid = start(usual)
    host = start(usual / "hosts" / "one", AIRFLEET_HOST="one")
    assert agent_search.homes_elsewhere(Path("/project"), home) == {pid: "", host: ""}
    assert agent_search.homes_elsewhere(Path("/project"), usual) == {}


def test_a_fleet_that_answers_where_it_should_is_looked_for_nowhere_else(home: Path) -> None:
    (home / "run").mkdir()
    (home / "run" / "agent.sock").touch()
    assert agent_search.reachable(places(home)) == places(home)


def test_a_folder_of_somebody_else_has_no_socket_for_this_user(tmp_path: Path) -> None:
    there = places(tmp_path)
    there.runtime.mkdir()
    there.socket.touch()
    assert agent_search.has_socket(there)
    there.runtime.chmod(0)
    try:
        if os.geteuid() == 0:
            os.seteuid(54321)
        assert not agent_search.has_socket(there)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        there.runtime.chmod(0o700)
