"""Questions about all components of a host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.agent.context import AgentContext
from airfleet.agent.states import State
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.worker_drain import WorkerDrain
from airfleet.events import Surprises
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Exec, Fork, Plan

PLANNED = (
    Component("zygote", "zygote", Exec(("true",))),
    Component("worker", "worker", Fork("worker")),
    Component("nginx", "nginx", Exec(("true",))),
    Component("api-server", "api-server", Fork("api-server"), address="127.0.0.1:8080"),
)


def nothing(*_: object, **__: object) -> None:
    """A log that nobody reads."""


@pytest.fixture
def components(tmp_path: Path) -> Components:
    plan = Plan("toy", tmp_path, PLANNED, {}, {}, url="", user="")
    context = AgentContext(plan, Paths(tmp_path, tmp_path), nothing, lambda: 0.0, Surprises("", nothing))
    return Components.planned(context, WorkerDrain(lambda: 0.0, works=lambda _: True))


def run(components: Components, **pids: int) -> None:
    for name, pid in pids.items():
        components.by_name[name.replace("_", "-")].pid = pid


def test_attempts_run_below_workers_alone(components: Components) -> None:
    run(components, zygote=1, worker=2, nginx=3)
    assert components.pids_without_attempts() == {1, 3}
    assert components.have_workers()


def test_a_draining_worker_is_a_worker_still(components: Components) -> None:
    with subprocess.Popen(("sleep", "60")) as child:
        components.drain.add(child.pid)
        assert components.have_workers()
        assert components.pids() == {child.pid: "worker"}
    components.drain.ended(child.pid)
    assert not components.have_workers()


def test_what_the_zygote_forked_is_of_one_incarnation_and_the_rest_is_not(components: Components) -> None:
    run(components, nginx=3)
    assert not components.have_forked()
    with subprocess.Popen(("sleep", "60"), start_new_session=True) as child:
        run(components, worker=child.pid)
        components.by_name["worker"].deaths.append(1.0)
        assert components.have_forked()
        components.by_name["nginx"].pid = None
        components.kill_forked()
        assert child.wait(10.0) == -9
    assert components.by_name["worker"].deaths == []


def test_an_order_to_fork_is_open_until_its_process_is_known(components: Components) -> None:
    worker, nginx = components.by_name["worker"], components.by_name["nginx"]
    for running in (worker, nginx):
        running.move_to(State.STARTING, 0.0)
    assert components.unforked() == (worker,)
    worker.began(5, 0.0, 0.0)
    assert components.unforked() == ()


def test_listeners_are_told_of_changes_in_their_order(components: Components) -> None:
    told: list[str] = []
    components.listeners += [lambda running: told.append(running.name), lambda running: told.append(str(running.state))]
    components.by_name["nginx"].move_to(State.STARTING, 0.0)
    assert told == ["nginx", "starting"]
    assert components.are_busy()
    assert components.api_addresses() == ["127.0.0.1:8080"]


def test_a_component_that_goes_meanwhile_does_not_end_a_look_at_all(components: Components) -> None:
    looking = iter(components)
    names = [next(looking).name]
    del components.by_name["nginx"]
    assert [*names, *(running.name for running in looking)] == ["zygote", "worker", "nginx", "api-server"]
