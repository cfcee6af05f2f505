"""The supervisor's steps, taken one at a time: unexpected errors at one component, and zygotes that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airfleet.agent.agent import AgentParts
from airfleet.agent.assembly import assemble
from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.zygote_client import Zygotes
from airfleet.events import Event
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Exec, Fork, Plan


@dataclass
class Loop:
    """A supervisor whose loop does not run: its steps are taken one at a time."""

    parts: AgentParts
    said: list[Event] = field(default_factory=list)
    #: the zygote's end of its conversation
    zygote: socket.socket | None = None

    @property
    def zygotes(self) -> Zygotes:
        return self.parts.supervisor._zygotes

    def component(self, name: str) -> Running:
        return self.parts.components.by_name[name]

    def ready(self, name: str, pid: int) -> Running:
        running = self.component(name)
        running.began(pid, 0.0, 0.0)
        running.move_to(State.STARTING, 0.0)
        running.move_to(State.READY, 0.0)
        return running


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    components = (
        Component("zygote", "zygote", Exec(("true",))),
        Component("scheduler", "scheduler", Fork("scheduler"), needs=("zygote",)),
        Component("one", "thing", Exec(("true",))),
    )
    paths = Paths(tmp_path / "home", tmp_path / "run")
    for made in (paths.home, paths.runtime, paths.logs, paths.airflow_home):
        made.mkdir(parents=True)
    said: list[Event] = []
    plan = Plan("toy", tmp_path, components, {}, {}, url="", user="")
    return Loop(assemble(plan, paths, lambda event, **_: said.append(event))._parts, said)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(("sleep", "60"), start_new_session=True) as process:
        yield process
        process.kill()


def test_a_surprise_at_one_component_is_seen_at_it_and_the_others_go_on(loop: Loop) -> None:
    one = loop.ready("one", os.getpid())
    with loop.parts.supervisor._bearing(one):
        one.move_to(State.WAITING, 1.0)
    assert (one.state, loop.said.count(Event.SURPRISED)) == (State.DEGRADED, 1)
    assert str(one.reason).startswith("the agent failed at it: RuntimeError: one: ready cannot become waiting")
    starting = loop.component("zygote")
    with loop.parts.supervisor._bearing(starting):
        starting.move_to(State.STARTING, 1.0)
        raise ValueError("before it had a process")
    assert (starting.state, len(starting.deaths)) == (State.BACKOFF, 1)
    stopping = loop.component("scheduler")
    stopping.state = State.STOPPING
    with loop.parts.supervisor._bearing(stopping):
        stopping.move_to(State.BACKOFF, 1.0)
    assert stopping.state == State.STOPPING


def zygote_with_an_order(loop: Loop) -> tuple[Running, Running]:
    """A zygote that was told to fork the scheduler; what it says is written by the test."""
    zygote = loop.ready("zygote", os.getpid())
    loop.zygote = loop.zygotes.open()._theirs
    loop.parts.supervisor.start_due()
    scheduler = loop.component("scheduler")
    assert (scheduler.state, scheduler.pid) == (State.STARTING, None)
    return zygote, scheduler


def says_forked(loop: Loop, pid: int) -> None:
    assert loop.zygote is not None
    loop.zygote.sendall(b'{"said": "forked", "name": "scheduler", "pid": %d}\n' % pid)


@pytest.mark.parametrize("closed", [True, False], ids=["its end is closed", "a child still has its end"])
def test_what_a_zygote_said_before_it_died_counts(loop: Loop, child: subprocess.Popen[bytes], closed: bool) -> None:
    zygote, scheduler = zygote_with_an_order(loop)
    says_forked(loop, child.pid)
    if closed:
        assert loop.zygote is not None
        loop.zygote.close()
    ended(loop, zygote)
    assert (scheduler.state, scheduler.pid) == (State.STARTING, child.pid)
    assert loop.zygotes.link is None
    assert zygote.state == State.BACKOFF


def test_an_order_that_a_zygote_did_not_answer_is_given_again(loop: Loop) -> None:
    zygote, scheduler = zygote_with_an_order(loop)
    ended(loop, zygote)
    assert (scheduler.state, scheduler.pid) == (State.BACKOFF, None)


def ended(loop: Loop, zygote: Running) -> None:
    """The zygote was killed; its process is not this one."""
    gone = subprocess.Popen(("true",))
    gone.wait()
    zygote.pid = gone.pid
    loop.parts.supervisor.ended(zygote, signal.SIGKILL)


@pytest.mark.parametrize("state", [State.WAITING, State.BACKOFF, State.READY, State.STOPPED])
def test_a_component_that_nobody_waits_for_is_ended_at_once(
    loop: Loop, child: subprocess.Popen[bytes], state: State
) -> None:
    scheduler = loop.component("scheduler")
    scheduler.state = state
    loop.zygotes.said({"said": "forked", "name": "scheduler", "pid": child.pid})
    assert child.wait(10.0) == -signal.SIGKILL
    assert (scheduler.state, scheduler.pid) == (state, None)


def test_the_second_of_two_for_one_order_is_ended(loop: Loop, child: subprocess.Popen[bytes]) -> None:
    _, scheduler = zygote_with_an_order(loop)
    loop.zygotes.said({"said": "forked", "name": "scheduler", "pid": os.getpid()})
    loop.zygotes.said({"said": "forked", "name": "scheduler", "pid": child.pid})
    assert child.wait(10.0) == -signal.SIGKILL
    assert scheduler.pid == os.getpid()
