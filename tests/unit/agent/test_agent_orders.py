"""A real agent is told to drain its host, and to run more workers or fewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airfleet.agent import control
from airfleet.testing import processes
from airfleet.testing.waiting import wait_until
from support.toy_agent import SECONDS, Toy, program, toy

STAY = "while :; do sleep 0.05; done"


def order(running: Toy, **orders: Any) -> None:
    control.tell(running.paths.socket, {"do": "order", "orders": orders})


def names(running: Toy) -> list[str]:
    return [component.name for component in running.snapshot().components]


def test_a_drained_host_finishes_what_it_runs_and_works_again_when_told(tmp_path: Path) -> None:
    go = tmp_path / "go"
    finishing = f"trap 'while [ ! -e {go} ]; do sleep 0.05; done; exit 0' TERM; {STAY}"
    with toy(program("worker", finishing, "worker", group="worker"), program("api", STAY, "api-server")) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        order(running, drained=True)
        worker = running.wait_for("worker", "stopping")
        assert worker.pid is not None
        assert processes.is_alive(worker.pid)
        go.touch()
        assert running.wait_for("worker", "stopped").reason == "drained"
        now = running.snapshot()
        assert (now.state, now.healthy) == ("ready", True)
        assert running.component("api").state == "ready"
        order(running, drained=None)
        assert running.wait_for("worker", "ready").restarts == 0


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
            wait_until(lambda pid=pid: not processes.is_alive(pid), SECONDS, "it has ended")  # type: ignore[misc]
        assert running.component("worker").pid == first
