"""A foreground ``up`` whose agent dies: who starts the next one, when, and when nobody does any more."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from airfleet.agent.control import AlreadyRuns, Snapshot
from airfleet.cli.commands.fleet import down, respawn, up
from airfleet.client import shutdown_lock
from airfleet.client.project import Project
from airfleet.errors import FleetError
from support import fake_agent
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, component, snapshot

DEAD = snapshot(component("worker"), pid=4711)
STOPPED = "the fleet was stopped\n"


class Starter:
    """Starts agents that say what a test tells them to; None is one that is dead before it says a word."""

    def __init__(self, stack: ExitStack, *agents: FakeAgent | None) -> None:
        self._stack = stack
        self._agents = list(agents)
        self.started = 0
        self.waited: list[float] = []

    def __call__(self, here: Project) -> int:
        self.started += 1
        agent = self._agents.pop(0)
        if agent is None:
            return 1
        self._stack.enter_context(fake_agent.listening(agent, here.paths.socket))
        return agent.watched[0].pid

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stopping(pid: int) -> FakeAgent:
    """An agent that is told to end the fleet when it has said one word."""
    agent = FakeAgent([snapshot(component("worker"), pid=pid), _stopping(pid)])
    agent.gone.set()
    return agent


def _stopping(pid: int, *, asked_to_end: bool = True) -> Snapshot:
    return snapshot(component("worker"), state="stopping", pid=pid, asked_to_end=asked_to_end)


def test_an_agent_that_died_gets_a_successor_which_is_followed(
    project: Project, stack: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    start = Starter(stack, stopping(4712))
    respawn.keep(project, DEAD, start, start.sleep)
    assert (start.started, start.waited) == (1, [0.0])
    assert capsys.readouterr().err == (
        f"the agent (process 4711) has died; another one (process 4712) goes on with what runs\n{STOPPED}"
    )


def test_an_agent_that_was_told_to_stop_gets_none(
    project: Project, stack: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.enter_context(fake_agent.listening(stopping(4711), project.paths.socket))
    start = Starter(stack)
    respawn.keep(project, DEAD, start, start.sleep)
    assert start.started == 0
    assert capsys.readouterr().err == STOPPED


def test_an_agent_that_was_ended_by_a_signal_is_a_failure_for_a_service_manager(
    project: Project, stack: ExitStack
) -> None:
    agent = FakeAgent([DEAD, _stopping(4711, asked_to_end=False)])
    agent.gone.set()
    stack.enter_context(fake_agent.listening(agent, project.paths.socket))
    with pytest.raises(respawn.EndedByOthers) as ended:
        respawn.keep(project, DEAD, Starter(stack))
    assert ended.value.exit_code == 4
    assert str(ended.value) == (
        "the agent (process 4711) was told to end, and not by 'airfleet down': the fleet has stopped\n"
        "hint: a signal to that process does that; 'airfleet up' starts the fleet again"
    )


def test_an_agent_that_somebody_else_started_is_followed(
    project: Project, stack: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    def somebody_was_faster(here: Project) -> int:
        stack.enter_context(fake_agent.listening(stopping(4713), here.paths.socket))
        raise AlreadyRuns("fleet 'shop' is already running (agent 4713)")

    respawn.keep(project, DEAD, somebody_was_faster, lambda seconds: None)
    assert capsys.readouterr().err == (
        "the agent (process 4711) has died; another one (process 4713) was started meanwhile, "
        f"and goes on with what runs\n{STOPPED}"
    )


def test_an_agent_that_down_ends_by_force_gets_none(project: Project, stack: ExitStack) -> None:
    project.paths.runtime.mkdir(parents=True)
    start = Starter(stack)
    with shutdown_lock.at_work(project.paths):
        assert shutdown_lock.is_at_work(project.paths)
        respawn.keep(project, DEAD, start, start.sleep)
    assert start.started == 0
    assert not shutdown_lock.is_at_work(project.paths)


def test_a_down_that_begins_and_ends_while_a_successor_waits_is_not_undone(
    project: Project, stack: ExitStack, airfleet: Airfleet, capsys: pytest.CaptureFixture[str]
) -> None:
    project.paths.runtime.mkdir(parents=True)
    start = Starter(stack, None, None)

    def down_meanwhile(seconds: float) -> None:
        if seconds:  # not before the first one
            airfleet("down")

    respawn.keep(project, DEAD, start, down_meanwhile)
    assert start.started == 1
    assert capsys.readouterr().err.endswith(STOPPED)


def test_a_down_that_has_ended_when_the_agent_is_missed_is_not_undone(project: Project, stack: ExitStack) -> None:
    project.paths.runtime.mkdir(parents=True)
    start = Starter(stack, stopping(4712))
    began = shutdown_lock.began(project.paths)
    down.end(project, 1)
    assert respawn._next(project, DEAD, began, [], start, start.sleep) is None
    assert start.started == 0


def test_a_down_of_before_is_none_of_this_fleet(project: Project, stack: ExitStack) -> None:
    project.paths.runtime.mkdir(parents=True)
    down.end(project, 1)
    start = Starter(stack, stopping(4712))
    respawn.keep(project, DEAD, start, start.sleep)
    assert start.started == 1


def test_agents_that_keep_dying_are_not_started_for_ever(project: Project, stack: ExitStack) -> None:
    start = Starter(stack, *[None] * 9)
    with pytest.raises(respawn.NotKept) as given_up:
        respawn.keep(project, DEAD, start, start.sleep)
    assert given_up.value.exit_code == 4
    assert start.waited == [0.0, 1.0, 2.0, 4.0]
    assert "'airfleet up' goes on with what runs, 'airfleet down' ends it" in str(given_up.value)


def test_why_no_agent_starts_is_said(project: Project) -> None:
    def refuse(here: Project) -> int:
        raise FleetError("there is no room")

    with pytest.raises(respawn.NotKept, match="there is no room"):
        respawn.keep(project, DEAD, refuse, lambda seconds: None)


def test_what_runs_is_left_alone_when_the_keeper_gives_up(agent_says: Callable, project: Project) -> None:
    with agent_says(DEAD) as agent, pytest.raises(respawn.NotKept), up._ended_at_last(project, drain=60.0):
        raise respawn.NotKept("agents keep dying")
    assert agent.asked == []


@pytest.mark.parametrize("ended", [KeyboardInterrupt, FleetError])
def test_what_runs_is_ended_by_whatever_else_ends_up(agent_says: Callable, project: Project, ended: type) -> None:
    ends = up._ended_at_last(project, drain=60.0)
    with agent_says(DEAD, stopped=(_stopping(4711),)) as agent, pytest.raises(ended), ends:
        raise ended("a reason")
    assert "stop" in agent.asked


@pytest.mark.usefixtures("hanging_agent")
def test_down_of_an_agent_that_hangs_ends_what_there_is(airfleet: Airfleet) -> None:
    result = airfleet("down")
    assert result.code == 0
    assert "the agent does not answer; ending everything by force" in result.err


def test_two_may_end_a_fleet_at_the_same_time(project: Project) -> None:
    project.paths.runtime.mkdir(parents=True)
    with shutdown_lock.at_work(project.paths), shutdown_lock.at_work(project.paths):
        assert shutdown_lock.is_at_work(project.paths)
    with shutdown_lock._lock(project.paths).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
