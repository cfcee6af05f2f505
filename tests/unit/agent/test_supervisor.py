"""A real agent is told to drain its host, and to run more workers or fewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airfleet.agent import control
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from support.survival import survives
from support.toy_agent import SECONDS, Toy, program, toy

STAY = "while :; do sleep 0.05; done"


def order(running: Toy, **orders: Any) -> None:
    control.tell(running.paths.socket, {"do": "order", "orders": orders})


def names(running: Toy) -> list[str]:
    return [component.name for component in running.snapshot().components]


def test_a_drained_host_finishes_what_it_runs_and_works_again_when_told(tmp_path: Path) -> None:
    go = tmp_path / "go"
    worker_of = program("worker", finishing(go), "worker", group="worker")
    with toy(worker_of, program("api", STAY, "api-server")) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        worker = pid_of(running, "worker")
        order(running, drained=True)
        assert running.wait_for("worker", "stopped").reason == "drained, finishes what it runs"
        assert survives(worker)
        go.touch()
        running.wait(lambda now: now.components[0].reason == "drained", "its last task has ended")
        assert not procfs.is_alive(worker)
        now = running.snapshot()
        assert (now.state, now.healthy) == ("ready", True)
        assert running.component("api").state == "ready"
        order(running, drained=None)
        assert running.wait_for("worker", "ready").restarts == 0


def finishing(go: Path) -> str:
    """A worker that ends when it was asked to and ``go`` is there."""
    return f"trap 'while [ ! -e {go} ]; do sleep 0.05; done; exit 0' TERM; {STAY}"


@pytest.mark.parametrize("size", [{"count": 1, "slots": 4}, {"count": 2}, {}])
def test_a_drained_host_can_be_scaled_while_it_finishes_what_it_runs(size: dict[str, int], tmp_path: Path) -> None:
    go = tmp_path / "go"
    forkless = [program(name, finishing(go), "worker", group="worker") for name in ("worker", "worker-2")]
    with toy(*forkless) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        finish = [pid_of(running, name) for name in ("worker", "worker-2")]
        order(running, drained=True)
        for name in ("worker", "worker-2"):
            running.wait_for(name, "stopped")
        order(running, scale={"worker": size})
        count = size.get("count", 2)
        running.wait(lambda now: len(now.components) == count, "it has as many as it was told to")
        assert all(survives(pid) for pid in finish)
        go.touch()
        for pid in finish:
            wait_until(lambda pid=pid: not procfs.is_alive(pid), SECONDS, "it has ended")  # type: ignore[misc]
        order(running, drained=None)
        running.wait(lambda now: now.healthy and all(c.pid for c in now.components), "they are back")
        assert names(running) == ["worker", "worker-2"][:count]


def test_a_host_takes_tasks_again_at_once_although_a_worker_of_before_has_not_ended(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with toy(program("worker", finishing(go), "worker", group="worker")) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        before = pid_of(running, "worker")
        order(running, drained=True)
        running.wait_for("worker", "stopped")
        order(running, drained=None)
        assert running.wait_for("worker", "ready").pid != before
        assert survives(before)
        go.touch()
        wait_until(lambda: not procfs.is_alive(before), SECONDS, "it has ended")
        assert running.component("worker").restarts == 0


def pid_of(running: Toy, name: str) -> int:
    pid = running.component(name).pid
    assert pid is not None
    return pid


def test_workers_are_added_and_taken_away_while_the_others_go_on() -> None:
    with toy(program("worker", STAY, "worker", group="worker")) as running:
        first = running.wait_for("worker", "ready").pid
        order(running, scale={"worker": {"count": 3}})
        running.wait(lambda now: len(now.components) == 3 and now.healthy, "three workers are ready")
        assert names(running) == ["worker", "worker-2", "worker-3"]
        gone = [running.component(name).pid for name in ("worker-2", "worker-3")]
        order(running, scale={})
        running.wait(lambda now: len(now.components) == 1, "one worker is left")
        for pid in gone:
            assert pid is not None
            wait_until(lambda pid=pid: not procfs.is_alive(pid), SECONDS, "it has ended")  # type: ignore[misc]
        assert running.component("worker").pid == first
