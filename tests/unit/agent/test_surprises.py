"""What nobody expected: it is said, and neither the agent nor what it watches ends of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.agent import Agent
from airfleet.agent.states import State
from airfleet.agent.supervisor.probe_runner import READY_PROBE_SECONDS, Answer, Prober
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.zygote_client import TemplateLink
from airfleet.drill.waiting import wait_until
from airfleet.events import MANY, Event, Surprises
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Exec, FileBeats, Fork, Plan


def test_each_is_said_once_with_its_place_and_not_too_many() -> None:
    said: list[dict[str, Any]] = []
    surprises = Surprises("the loop", lambda event, **payload: said.append(payload))
    for _ in range(3):
        with surprises.borne():
            raise RuntimeError("never thought of")
    (first,) = said
    assert first["part"] == "the loop"
    assert first["why"].startswith("RuntimeError: never thought of (test_surprises.py:")
    for number in range(2 * MANY):
        with surprises.borne():
            raise RuntimeError(str(number))
    assert len(said) == MANY


# --- probes --------------------------------------------------------------------------------------------------------


def test_a_probe_that_fails_in_another_way_is_an_answer_and_is_asked_again(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    beat.write_bytes(b"\xff")  # no text
    running = Running(
        Component("one", "thing", Exec(("true",)), FileBeats(str(beat))), tmp_path / "log", lambda _: None
    )
    running.began(os.getpid(), 0.0, 0.0)
    running.move_to(State.STARTING, 0.0)
    prober = Prober("", lambda: None)

    def answer(now: float) -> Answer:
        prober.ask(running, now)
        found: list[Answer] = []
        wait_until(lambda: found.extend(prober.answers()) or found, 5, "there is an answer", pause_seconds=0.01)
        return found[0]

    assert answer(0.0).verdict.reason.startswith("cannot be asked: UnicodeDecodeError: ")
    beat.write_text(str(os.getpid()))
    assert answer(READY_PROBE_SECONDS).verdict.well
    prober.close()


# --- the agent -----------------------------------------------------------------------------------------------------


@dataclass
class Loop:
    """An agent whose loop does not run: its steps are taken one at a time."""

    agent: Agent
    said: list[Event] = field(default_factory=list)
    #: the template's end of its conversation
    template: socket.socket | None = None

    def component(self, name: str) -> Running:
        return self.agent._running[name]

    def ready(self, name: str, pid: int) -> Running:
        running = self.component(name)
        running.began(pid, 0.0, 0.0)
        running.move_to(State.STARTING, 0.0)
        running.move_to(State.READY, 0.0)
        return running


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    components = (
        Component("template", "template", Exec(("true",))),
        Component("scheduler", "scheduler", Fork("scheduler"), needs=("template",)),
        Component("one", "thing", Exec(("true",))),
    )
    paths = Paths(tmp_path / "home", tmp_path / "run")
    for made in (paths.home, paths.runtime, paths.logs, paths.airflow_home):
        made.mkdir(parents=True)
    said: list[Event] = []
    plan = Plan("toy", tmp_path, components, {}, {}, url="", user="")
    return Loop(Agent(plan, paths, lambda event, **_: said.append(event)), said)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(("sleep", "60"), start_new_session=True) as process:
        yield process
        process.kill()


def test_a_surprise_at_one_component_is_seen_at_it_and_the_others_go_on(loop: Loop) -> None:
    one = loop.ready("one", os.getpid())
    with loop.agent._bearing(one):
        one.move_to(State.WAITING, 1.0)
    assert (one.state, loop.said.count(Event.SURPRISED)) == (State.DEGRADED, 1)
    assert one.reason.startswith("the agent failed at it: RuntimeError: one: ready cannot become waiting")
    starting = loop.component("template")
    with loop.agent._bearing(starting):
        starting.move_to(State.STARTING, 1.0)
        raise ValueError("before it had a process")
    assert (starting.state, len(starting.deaths)) == (State.BACKOFF, 1)
    stopping = loop.component("scheduler")
    stopping.state = State.STOPPING
    with loop.agent._bearing(stopping):
        stopping.move_to(State.BACKOFF, 1.0)
    assert stopping.state == State.STOPPING


def template_with_an_order(loop: Loop) -> tuple[Running, Running]:
    """A template that was told to fork the scheduler; what it says is written by the test."""
    template = loop.ready("template", os.getpid())
    link = loop.agent._template = TemplateLink()
    loop.agent._selector.register(link.socket, 1, lambda _: loop.agent._hear(link))
    loop.template = link._theirs
    loop.agent._start_what_can_start()
    scheduler = loop.component("scheduler")
    assert (scheduler.state, scheduler.pid) == (State.STARTING, None)
    return template, scheduler


def says_forked(loop: Loop, pid: int) -> None:
    assert loop.template is not None
    loop.template.sendall(b'{"said": "forked", "name": "scheduler", "pid": %d}\n' % pid)


@pytest.mark.parametrize("closed", [True, False], ids=["its end is closed", "a child still has its end"])
def test_what_a_template_said_before_it_died_counts(loop: Loop, child: subprocess.Popen[bytes], closed: bool) -> None:
    template, scheduler = template_with_an_order(loop)
    says_forked(loop, child.pid)
    if closed:
        assert loop.template is not None
        loop.template.close()
    ended(loop, template)
    assert (scheduler.state, scheduler.pid) == (State.STARTING, child.pid)
    assert loop.agent._template is None
    assert template.state == State.BACKOFF


def test_an_order_that_a_template_did_not_answer_is_given_again(loop: Loop) -> None:
    template, scheduler = template_with_an_order(loop)
    ended(loop, template)
    assert (scheduler.state, scheduler.pid) == (State.BACKOFF, None)


def ended(loop: Loop, template: Running) -> None:
    """The template was killed; its process is not this one."""
    gone = subprocess.Popen(("true",))
    gone.wait()
    template.pid = gone.pid
    loop.agent._ended(template, signal.SIGKILL)


@pytest.mark.parametrize("state", [State.WAITING, State.BACKOFF, State.READY, State.STOPPED])
def test_a_component_that_nobody_waits_for_is_ended_at_once(
    loop: Loop, child: subprocess.Popen[bytes], state: State
) -> None:
    scheduler = loop.component("scheduler")
    scheduler.state = state
    loop.agent._template_said({"said": "forked", "name": "scheduler", "pid": child.pid})
    assert child.wait(10.0) == -signal.SIGKILL
    assert (scheduler.state, scheduler.pid) == (state, None)


def test_the_second_of_two_for_one_order_is_ended(loop: Loop, child: subprocess.Popen[bytes]) -> None:
    _, scheduler = template_with_an_order(loop)
    loop.agent._template_said({"said": "forked", "name": "scheduler", "pid": os.getpid()})
    loop.agent._template_said({"said": "forked", "name": "scheduler", "pid": child.pid})
    assert child.wait(10.0) == -signal.SIGKILL
    assert scheduler.pid == os.getpid()
