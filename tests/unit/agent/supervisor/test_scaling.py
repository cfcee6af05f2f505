"""What becomes of forked workers that are drained, scaled and wanted again, in any order."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.agent.context import AgentContext
from airfleet.agent.states import Reason, State
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.overrides import HostOverrides, ScaledSize
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Drained
from airfleet.agent.supervisor.scaling import Scaling
from airfleet.agent.supervisor.worker_drain import WorkerDrain
from airfleet.events import Event, Surprises
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Fork, Plan

WORKERS = tuple(
    Component(name, "worker", Fork("worker", {"name": name, "slots": "2"}), group="worker")
    for name in ("worker", "worker-2")
)
PLAN = Plan("toy", Path("/toy"), WORKERS, {}, {}, url="", user="")


class Host:
    """Two workers that run, and what tells of them."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.changes: list[tuple[str, State, Reason | None]] = []
        self.draining = WorkerDrain(lambda: self.now, works=lambda pid: True)
        context = AgentContext(PLAN, Paths(folder, folder), self._log, lambda: self.now, Surprises("", self._log))
        context.paths.logs.mkdir()
        components = Components.planned(context, self.draining)
        components.listeners.append(self._changed)
        self.running = components.by_name
        self.scaling = Scaling(context, components)
        self.children: list[subprocess.Popen[bytes]] = []
        for name in self.running:
            self.start(name)

    def _changed(self, running: Running) -> None:
        self.changes.append((running.name, running.state, running.reason))

    def _log(self, event: Event, **_: object) -> None:
        assert event is Event.WORKERS_DRAIN

    def start(self, name: str) -> int:
        """What the agent does of what waits."""
        running = self.running[name]
        if running.state == State.BACKOFF:
            running.move_to(State.WAITING, self.now)
        self.children.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        running.ordered(self.now, 0.0)
        running.move_to(State.STARTING, self.now)
        running.began(self.children[-1].pid, self.now, 0.0)
        running.move_to(State.READY, self.now)
        return self.children[-1].pid

    def reap(self) -> None:
        for child in self.children:
            child.wait(10.0)
            self.draining.ended(child.pid)

    def states(self) -> dict[str, State]:
        return {name: running.state for name, running in self.running.items()}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait()


ORDERS = {
    "nothing": HostOverrides(),
    "drained": HostOverrides(drained=True),
    "of another size": HostOverrides(scale={"worker": ScaledSize(slots=4)}),
    "fewer": HostOverrides(scale={"worker": ScaledSize(count=1)}),
    "drained and of another size": HostOverrides(True, {"worker": ScaledSize(slots=4)}),
    "drained and fewer": HostOverrides(True, {"worker": ScaledSize(count=1)}),
    "drained and more": HostOverrides(True, {"worker": ScaledSize(count=3)}),
}


@pytest.mark.parametrize("words", list(itertools.permutations(ORDERS, 2)), ids=" - ".join)
def test_any_orders_one_after_the_other_are_obeyed(host: Host, words: tuple[str, ...]) -> None:
    for word in (*words, "nothing"):
        host.scaling.apply(ORDERS[word])
        host.scaling.apply(ORDERS[word])
        if ORDERS[word].drained:
            assert set(host.states().values()) == {State.STOPPED}
        for name, state in host.states().items():
            if state in (State.WAITING, State.BACKOFF):
                host.start(name)
    assert host.states() == {"worker": State.READY, "worker-2": State.READY}


def test_a_drained_worker_is_stopped_and_tells_when_its_tasks_have_ended(host: Host) -> None:
    host.scaling.apply(ORDERS["drained"])
    assert {(r.state, r.reason, r.pid) for r in host.running.values()} == {
        (State.STOPPED, Drained(finishing=True), None)
    }
    assert host.draining.pids == tuple(child.pid for child in host.children)
    host.reap()
    host.scaling.apply(ORDERS["drained"])
    assert host.changes[-2:] == [(name, State.STOPPED, Drained()) for name in ("worker", "worker-2")]


def test_one_that_is_being_forked_is_drained_when_it_runs(host: Host) -> None:
    running = host.running["worker"]
    running.move_to(State.BACKOFF, 0.0)
    pid, running.pid = running.pid, None
    assert pid is not None
    running.move_to(State.STARTING, 0.0)
    host.scaling.apply(ORDERS["drained"])
    assert running.state == State.STARTING
    running.began(pid, 0.0, 0.0)
    host.scaling.apply(ORDERS["drained"])
    assert (running.state, pid in host.draining.pids) == (State.STOPPED, True)


def test_one_too_many_that_is_being_forked_is_not_remembered_as_outgrown(host: Host) -> None:
    running = host.running["worker-2"]
    running.move_to(State.BACKOFF, 0.0)
    running.pid = None
    running.move_to(State.STARTING, 0.0)
    host.scaling.apply(ORDERS["fewer"])
    host.scaling.apply(ORDERS["nothing"])
    pid = host.start("worker-2")
    host.scaling.forked(host.running["worker-2"])
    assert (host.running["worker-2"].pid, host.running["worker-2"].state) == (pid, State.READY)
