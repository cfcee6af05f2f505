"""The order in which the components of a host end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running, signal_group
from airfleet.agent.supervisor.shutdown import end_in_order
from airfleet.fleet.planning.plan import Component, Exec
from support.lives import lives


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    """A process that heeds no SIGTERM; it runs once the signal is ignored."""
    script = "trap '' TERM; echo; while :; do sleep 60; done"
    with subprocess.Popen(("sh", "-c", script), start_new_session=True, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        signal_group(child.pid, signal.SIGKILL)


def ready(kind: str, log: Path, pid: int) -> Running:
    running = Running(Component(kind, kind, Exec(("true",)), grace_seconds=10.0), log, lambda _: None)
    running.move_to(State.STARTING, 0.0)
    running.move_to(State.READY, 0.0)
    running.pid = pid
    return running


def ended(running: Running) -> None:
    """What the agent does when it has reaped it."""
    running.pid = None
    running.move_to(State.STOPPED, 9.0)


def states(components: list[Running]) -> list[State]:
    return [running.state for running in components]


def test_servers_end_last_and_nothing_begins_to_end_before_what_needs_it_is_gone(
    log: Path, stubborn: subprocess.Popen[bytes]
) -> None:
    components = [ready(kind, log, stubborn.pid) for kind in ("postgres", "api-server", "worker")]
    postgres, api_server, worker = components
    assert not end_in_order(components, 1.0, forced=False)
    assert states(components) == [State.READY, State.READY, State.STOPPING]
    ended(worker)
    assert not end_in_order(components, 2.0, forced=False)
    assert states(components) == [State.READY, State.STOPPING, State.STOPPED]
    ended(api_server)
    assert not end_in_order(components, 3.0, forced=False)
    assert states(components) == [State.STOPPING, State.STOPPED, State.STOPPED]
    ended(postgres)
    assert end_in_order(components, 4.0, forced=False)


def test_one_that_does_not_heed_the_signal_is_ended_after_its_grace(
    log: Path, stubborn: subprocess.Popen[bytes]
) -> None:
    components = [ready("scheduler", log, stubborn.pid)]
    end_in_order(components, 1.0, forced=False)
    end_in_order(components, 11.0, forced=False)
    assert lives(stubborn)
    end_in_order(components, 11.5, forced=False)
    assert stubborn.wait(10.0) == -signal.SIGKILL


def test_the_tasks_of_a_worker_get_the_time_that_was_asked_for_and_nothing_else_does(
    log: Path, stubborn: subprocess.Popen[bytes]
) -> None:
    worker, scheduler = ready("worker", log, stubborn.pid), ready("scheduler", log, stubborn.pid)
    end_in_order([worker], 1.0, forced=False, drain_seconds=600.0)
    end_in_order([worker], 600.0, forced=False, drain_seconds=600.0)
    assert lives(stubborn)
    end_in_order([scheduler], 1.0, forced=False, drain_seconds=600.0)
    end_in_order([scheduler], 11.5, forced=False, drain_seconds=600.0)
    assert stubborn.wait(10.0) == -signal.SIGKILL


def test_who_thinks_again_gives_a_worker_less_time(log: Path, stubborn: subprocess.Popen[bytes]) -> None:
    worker = ready("worker", log, stubborn.pid)
    end_in_order([worker], 1.0, forced=False, drain_seconds=600.0)
    end_in_order([worker], 8.0, forced=False, drain_seconds=5.0)
    assert stubborn.wait(10.0) == -signal.SIGKILL


def test_while_tasks_of_a_replaced_worker_run_nothing_new_is_taken_and_what_they_need_stays(
    log: Path, stubborn: subprocess.Popen[bytes]
) -> None:
    components = [ready(kind, log, stubborn.pid) for kind in ("api-server", "worker")]
    assert not end_in_order(components, 1.0, forced=False, others_drain=True)
    ended(components[1])
    assert not end_in_order(components, 2.0, forced=False, others_drain=True)
    assert states(components) == [State.READY, State.STOPPED]
    end_in_order(components, 3.0, forced=False)
    assert states(components) == [State.STOPPING, State.STOPPED]


def test_by_force_nothing_is_waited_for(log: Path, stubborn: subprocess.Popen[bytes]) -> None:
    end_in_order([ready("worker", log, stubborn.pid)], 1.0, forced=True)
    assert stubborn.wait(10.0) == -signal.SIGKILL


def test_what_does_not_run_has_ended(log: Path) -> None:
    waiting = Running(Component("one", "worker", Exec(("true",))), log, lambda _: None)
    assert end_in_order([waiting], 1.0, forced=False)
    assert waiting.state == State.STOPPED
