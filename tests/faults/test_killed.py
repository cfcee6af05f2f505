"""Processes of a fleet die without a warning; what a person has goes on.

The witness is a file outside the fleet, to which a task appends: see :mod:`faultlab.measuring.ledger`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from airfleet.agent.supervisor.worker_drain import GRACE_SECONDS
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring.ledger import Ledger
from support.fleets import TINY, Tiny

#: from the death of a component to its being ready again; a machine that is busy otherwise takes longer
AGAIN_SECONDS = 45.0


@pytest.mark.parametrize(
    "name",
    [
        "worker",
        "api-server",
        "postgres",
        # The matrix breaks these in CI, too, and looks at the seconds.
        *(pytest.param(name, marks=pytest.mark.long) for name in ("scheduler", "dag-processor", "valkey")),
    ],
)
def test_a_component_that_is_killed_is_back_and_tasks_run(running: Tiny, name: str) -> None:
    fleet = running.fleet
    fleet.wait_for_dag("witness")
    others = {c.name: c.pid for c in fleet.snapshot().components if c.kind == "zygote"}
    killed = fleet.kill(name)
    again = fleet.wait_until_replaced(name, killed, AGAIN_SECONDS)
    assert again.restarts >= 1
    assert running.runs_a_task(f"after the death of {name}")
    wait_until(lambda: fleet.snapshot().healthy, AGAIN_SECONDS, "the fleet is healthy again")
    assert {c.name: c.pid for c in fleet.snapshot().components if c.kind == "zygote"} == others


SERVERS_AND_ZYGOTE = ("postgres", "valkey", "zygote")


def sockets(pid: int) -> set[str]:
    links = (os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd") if entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}


def test_no_component_holds_the_socket_by_which_the_zygote_gets_its_orders(running: Tiny) -> None:
    zygote = sockets(running.fleet.component("zygote").pid or 0)
    forked = [c for c in running.fleet.snapshot().components if c.pid and c.kind not in SERVERS_AND_ZYGOTE]
    assert zygote
    assert len(forked) >= 4
    assert {c.name: zygote & sockets(c.pid or 0) for c in forked} == {c.name: set() for c in forked}


def test_components_outlive_the_zygote_and_a_new_one_forks_their_successors(running: Tiny) -> None:
    fleet = running.fleet
    before = {c.name: c.pid for c in fleet.snapshot().components if c.kind != "zygote"}
    zygote = fleet.kill("zygote")
    assert running.runs_a_task("without the zygote")
    now = fleet.wait_until_replaced("zygote", zygote, AGAIN_SECONDS)
    assert {c.name: c.pid for c in fleet.snapshot().components if c.kind != "zygote"} == before

    scheduler = fleet.kill("scheduler")
    assert fleet.wait_until_replaced("scheduler", scheduler, AGAIN_SECONDS).pid != scheduler
    assert running.runs_a_task("with the new zygote's scheduler")
    assert fleet.component("zygote").pid == now.pid


#: what the migration says when there is nothing to migrate
MIGRATED_BEFORE = "the database has this Airflow's schema already"


def test_up_starts_a_fleet_again_whose_agent_was_killed(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.pids()
    kill_agent(fleet)
    fleet.start()
    gone = partial(none_lives, before)
    wait_until(gone, 2 * GRACE_SECONDS, "nothing is left, nor the worker, which had nothing to finish")
    assert "processes that an earlier agent had left" in fleet.paths.log("agent").read_text()
    assert fleet.paths.log("migrate").read_text().splitlines()[-1] == MIGRATED_BEFORE
    assert running.runs_a_task("after the death of the agent")


#: a task that ends when a file is there
LONG = """\
dag_id: {dag_id}
schedule: null
start_date: 2026-01-01
tasks:
  - id: wait
    uses: bash
    with: {{bash_command: "echo begun >> {said}; until [ -e {go} ]; do sleep 0.1; done; echo ended >> {said}"}}
"""


def test_a_task_outlives_the_agent_of_its_host_and_ends_under_the_next_one(running: Tiny, tmp_path: Path) -> None:
    fleet, said, go = running.fleet, Ledger(tmp_path / "said"), tmp_path / "go"
    fleet.write("pipelines/long.yaml", LONG.format(dag_id="long", said=tmp_path / "said", go=go))
    fleet.wait_for_dag("long")
    run = fleet.trigger("long", {})
    wait_until(lambda: said.lines() == ("begun",), 60, "the task runs")
    worker = fleet.component("worker").pid
    kill_agent(fleet)
    fleet.start()
    assert fleet.component("worker").pid != worker
    assert running.runs_a_task("beside the one that goes on")
    go.touch()
    assert fleet.wait_for_run("long", run, 60) == "success"
    assert said.lines() == ("begun", "ended")
    assert worker is not None
    wait_until(partial(none_lives, (worker,)), 2 * GRACE_SECONDS, "the worker of before has ended")


@pytest.mark.long
def test_what_ran_in_a_killed_worker_fails_and_does_not_begin_again_where_the_fleet_wants_that(
    stopped: Tiny, tmp_path: Path
) -> None:
    fleet, said = stopped.fleet, Ledger(tmp_path / "said")
    fleet.write("fleet.yaml", f"{TINY}policies: {{on_worker_lost: fail}}\n")
    fleet.write("pipelines/lost.yaml", LONG.format(dag_id="lost", said=tmp_path / "said", go=tmp_path / "go"))
    fleet.start()
    fleet.wait_for_dag("lost")
    run = fleet.trigger("lost", {})
    wait_until(lambda: said.lines() == ("begun",), 60, "the task runs")
    worker = fleet.component("worker").pid
    assert worker
    died = procfs.tree(worker)
    for pid in died:
        procfs.send(pid, signal.SIGKILL)
    assert fleet.wait_for_run("lost", run, AGAIN_SECONDS) == "failed"
    [task] = fleet.api.get("dags", "lost", "dagRuns", run, "taskInstances")["task_instances"]
    assert (task["state"], task["try_number"]) == ("failed", 1)
    fleet.wait_until_replaced("worker", worker, AGAIN_SECONDS)
    assert stopped.runs_a_task("in the worker after it")
    assert said.lines() == ("begun",)
    assert none_lives(died)


def test_down_ends_everything_that_a_killed_agent_left(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.pids()
    assert len(before) >= 8
    kill_agent(fleet)
    left = fleet.airfleet("down")
    assert left.returncode == 0
    assert left.stderr.startswith("no agent was running; ended ")
    assert fleet.pids() == ()
    assert not [pid for pid in before if procfs.is_alive(pid)]


def none_lives(pids: Iterable[int]) -> bool:
    return not any(procfs.is_alive(pid) for pid in pids)


def kill_agent(fleet: FleetUnderTest) -> None:
    agent = fleet.snapshot().pid
    os.kill(agent, signal.SIGKILL)
    wait_until(lambda: not fleet.is_running(), 10, "the agent does not answer any more")
