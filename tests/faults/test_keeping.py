"""The agent of a foreground ``airfleet up`` is killed: ``up`` starts another one, and nothing that runs is ended."""

from __future__ import annotations

import os
import signal

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import START_SECONDS, command
from faultlab.measuring.ledger import Ledger
from support.fleets import Tiny
from support.terminal import terminal

AGAIN_SECONDS, STOP_SECONDS = 45.0, 90.0
#: a task that ends when a file is there
KEPT = """\
dag_id: kept
schedule: null
start_date: 2026-01-01
tasks:
  - id: wait
    uses: bash
    with: {{bash_command: "echo begun >> {said}; until [ -e {go} ]; do sleep 0.1; done; echo ended >> {said}"}}
"""


def test_a_foreground_up_goes_on_with_another_agent_until_it_is_told_to_stop(stopped: Tiny) -> None:
    fleet, folder = stopped.fleet, stopped.ledger.path.parent
    said, go = Ledger(folder / "kept"), folder / "go"
    fleet.write("pipelines/kept.yaml", KEPT.format(said=said.path, go=go))
    with terminal([*command(), "up"], fleet.root, {**fleet.environ, "TERM": "dumb"}) as screen:
        screen.read_until("is healthy after", START_SECONDS)
        fleet.wait_for_dag("kept")
        run = fleet.trigger("kept")
        wait_until(lambda: said.lines() == ("begun",), 60, "the task runs")
        killed = fleet.snapshot().pid
        os.kill(killed, signal.SIGKILL)
        screen.read_until("goes on with what runs", AGAIN_SECONDS)
        assert fleet.snapshot().pid != killed
        wait_until(lambda: fleet.snapshot().healthy, START_SECONDS, "the fleet is healthy again")
        go.touch()
        assert fleet.wait_for_run("kept", run, 60) == "success"
        assert said.lines() == ("begun", "ended")

        down = fleet.airfleet("down")
        assert down.returncode == 0, down.stderr
        assert screen.wait(STOP_SECONDS) == 0
    assert f"the agent (process {killed}) has died; another one (process " in screen.shown
    assert "the fleet was stopped" in screen.shown
    assert fleet.pids() == ()
