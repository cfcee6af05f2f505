"""Ctrl-C in the terminal where ``airfleet up`` runs ends the fleet, at whatever moment, and so does SIGTERM."""

from __future__ import annotations

import signal

import pytest

from airfleet.testing.fleet import START_SECONDS, command
from support.fleets import Tiny
from support.terminal import CTRL_C, terminal

STOP_SECONDS = 90.0


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("zygote", id="while it starts"),
        pytest.param("is healthy after", id="when it runs", marks=pytest.mark.long),
    ],
)
def test_ctrl_c_leaves_nothing_running(stopped: Tiny, moment: str) -> None:
    fleet = stopped.fleet
    with terminal([*command(), "up"], fleet.root, {**fleet.environ, "TERM": "xterm"}) as screen:
        screen.read_until(moment, START_SECONDS)
        assert fleet.pids() != ()
        screen.press(CTRL_C)
        assert screen.wait(STOP_SECONDS) == 130
    assert "Traceback" not in screen.shown
    assert fleet.pids() == ()
    assert not fleet.is_running()


def test_a_service_manager_ends_it_and_nothing_has_failed(stopped: Tiny) -> None:
    fleet = stopped.fleet
    with terminal([*command(), "up"], fleet.root, {**fleet.environ, "TERM": "xterm"}) as screen:
        screen.read_until("is healthy after", START_SECONDS)
        screen.program.send_signal(signal.SIGTERM)
        assert screen.wait(STOP_SECONDS) == 0
    assert screen.shown.count("stopping the fleet") == 1
    assert "Traceback" not in screen.shown
    assert fleet.pids() == ()


def test_a_service_manager_starts_it_anew_after_its_death_and_it_keeps_what_runs(stopped: Tiny) -> None:
    fleet = stopped.fleet
    environ = {**fleet.environ, "TERM": "xterm"}
    with terminal([*command(), "up"], fleet.root, environ) as screen:
        screen.read_until("is healthy after", START_SECONDS)
        screen.program.send_signal(signal.SIGKILL)
        screen.wait(STOP_SECONDS)
    agent = fleet.snapshot().pid
    with terminal([*command(), "up", "--adopt"], fleet.root, environ) as screen:
        screen.read_until("is healthy after", START_SECONDS)
        assert "it runs already, and is kept from now on" in screen.shown
        assert fleet.snapshot().pid == agent
        screen.program.send_signal(signal.SIGTERM)
        assert screen.wait(STOP_SECONDS) == 0
    assert "Traceback" not in screen.shown
    assert fleet.pids() == ()
