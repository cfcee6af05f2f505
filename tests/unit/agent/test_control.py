"""Snapshots on their way through JSON, and agents that are gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from airfleet.agent import control
from airfleet.agent.control import AgentGone, ComponentStatus, Snapshot
from airfleet.agent.states import State

SNAPSHOT = Snapshot(
    fleet="shop",
    state="failed",
    pid=7,
    home="/srv/shop/.airfleet",
    url="http://127.0.0.1:8080",
    api_urls=("http://127.0.0.1:8081", "http://10.0.0.2:8080"),
    user="admin",
    password_file="/srv/shop/.airfleet/password",
    elapsed=3.5,
    ready_after=2.0,
    components=(
        ComponentStatus("scheduler", "scheduler", State.READY, pid=8, started_after=1.5, since=2.0, memory_mb=70.5),
        ComponentStatus("worker", "worker", State.GAVE_UP, restarts=2, reason="ended", last_lines=("a", "b"), log="/l"),
    ),
    problem="worker ended",
)


def test_a_snapshot_survives_its_way_through_json() -> None:
    assert Snapshot.from_json(json.loads(json.dumps(SNAPSHOT.to_json()))) == SNAPSHOT


def test_words_that_a_newer_agent_says_are_passed_over() -> None:
    data = {**SNAPSHOT.to_json(), "weather": "fine"}
    data["components"] = [{**c, "mood": 3} for c in data["components"]]
    assert Snapshot.from_json(json.loads(json.dumps(data))) == SNAPSHOT


def test_a_fleet_is_healthy_when_it_is_ready_with_all_its_components() -> None:
    ready = ComponentStatus("a", "a", State.READY)
    assert Snapshot("f", "ready", 1, "/", components=(ready, ComponentStatus("m", "m", State.DONE))).healthy
    assert not Snapshot("f", "starting", 1, "/", components=(ready,)).healthy
    assert not Snapshot("f", "ready", 1, "/", components=(ComponentStatus("a", "a", State.DEGRADED),)).healthy


@contextmanager
def agent_that_sends(folder: Path, words: bytes) -> Iterator[Path]:
    """An agent that reads one request, sends ``words`` and is killed: its socket closes with bytes unread."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1)  # the rest stays unread: the other side's read ends with a reset
                client.sendall(words)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(AgentGone):
        control.status(tmp_path / "none")


@pytest.mark.parametrize("words", [b"", b'{"fleet": "sh'], ids=["before a word", "in the middle of a line"])
def test_an_agent_that_is_killed_while_it_answers_is_gone(words: bytes) -> None:
    with (
        TemporaryDirectory(prefix="af") as folder,
        agent_that_sends(Path(folder), words) as path,
        pytest.raises(AgentGone),
    ):
        control.status(path)
