"""Processes of a fleet die without a warning; what a person has goes on.

The witness is a file outside the fleet, to which a task appends: see :mod:`airfleet.testing.ledger`.
"""

from __future__ import annotations

import os
import signal

import pytest

from airfleet.testing import processes
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.waiting import wait_until
from support.fleets import Tiny

#: from the death of a component to its being ready again; a machine that is busy otherwise takes longer
AGAIN_SECONDS = 45.0


@pytest.mark.parametrize("name", ["scheduler", "dag-processor", "worker", "api-server", "valkey", "postgres"])
def test_a_component_that_is_killed_is_back_and_tasks_run(running: Tiny, name: str) -> None:
    fleet = running.fleet
    fleet.wait_for_dag("witness")
    others = {c.name: c.pid for c in fleet.snapshot().components if c.kind == "template"}
    killed = fleet.kill(name)
    again = fleet.wait_until_replaced(name, killed, AGAIN_SECONDS)
    assert again.restarts >= 1
    assert running.runs_a_task(f"after the death of {name}")
    wait_until(lambda: fleet.snapshot().healthy, AGAIN_SECONDS, "the fleet is healthy again")
    assert {c.name: c.pid for c in fleet.snapshot().components if c.kind == "template"} == others


SERVERS_AND_TEMPLATE = ("postgres", "valkey", "template")


def sockets(pid: int) -> set[str]:
    links = (os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd") if entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}


def test_no_component_holds_the_socket_by_which_the_template_gets_its_orders(running: Tiny) -> None:
    template = sockets(running.fleet.component("template").pid or 0)
    forked = [c for c in running.fleet.snapshot().components if c.pid and c.kind not in SERVERS_AND_TEMPLATE]
    assert template
    assert len(forked) >= 4
    assert {c.name: template & sockets(c.pid or 0) for c in forked} == {c.name: set() for c in forked}


def test_components_outlive_the_template_and_a_new_one_forks_their_successors(running: Tiny) -> None:
    fleet = running.fleet
    before = {c.name: c.pid for c in fleet.snapshot().components if c.kind != "template"}
    template = fleet.kill("template")
    assert running.runs_a_task("without the template")
    now = fleet.wait_until_replaced("template", template, AGAIN_SECONDS)
    assert {c.name: c.pid for c in fleet.snapshot().components if c.kind != "template"} == before

    scheduler = fleet.kill("scheduler")
    assert fleet.wait_until_replaced("scheduler", scheduler, AGAIN_SECONDS).pid != scheduler
    assert running.runs_a_task("with the new template's scheduler")
    assert fleet.component("template").pid == now.pid


#: what the migration says when there is nothing to migrate
MIGRATED_BEFORE = "the database has this Airflow's schema already"


def test_up_starts_a_fleet_again_whose_agent_was_killed(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.pids()
    kill_agent(fleet)
    fleet.start()
    assert not [pid for pid in before if processes.is_alive(pid)]
    assert "processes that an earlier agent had left" in fleet.paths.log("agent").read_text()
    assert fleet.paths.log("migrate").read_text().splitlines()[-1] == MIGRATED_BEFORE
    assert running.runs_a_task("after the death of the agent")


def test_down_ends_everything_that_a_killed_agent_left(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.pids()
    assert len(before) >= 8
    kill_agent(fleet)
    left = fleet.airfleet("down")
    assert left.returncode == 0
    assert left.stderr.startswith("no agent was running; ended ")
    assert fleet.pids() == ()
    assert not [pid for pid in before if processes.is_alive(pid)]


def kill_agent(fleet: FleetUnderTest) -> None:
    agent = fleet.snapshot().pid
    os.kill(agent, signal.SIGKILL)
    wait_until(lambda: not fleet.is_running(), 10, "the agent does not answer any more")
