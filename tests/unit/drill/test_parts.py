"""The parts of a fleet, and how each is ended."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.client.project import Project
from airfleet.drill.parts import HOST, PartKilled, available, victim_of
from airfleet.errors import FileProblems, FleetError
from support.drills import drilled_fleet
from support.fake_agent import component, snapshot


def test_every_part_that_a_host_runs_can_be_drilled_and_the_host_itself() -> None:
    now = snapshot(
        component("scheduler", pid=1), component("worker-1", kind="worker", pid=2), component("valkey", pid=3)
    )
    assert available(now) == ("scheduler", "worker", "broker", "host")
    assert victim_of("worker", now).name == "worker-1"
    with pytest.raises(FleetError, match="no api-server of fleet 'shop'"):
        victim_of("api-server", now)


def test_of_several_workers_one_dies_that_takes_the_tasks_of_the_drill() -> None:
    workers = (component(name, kind="worker", pid=pid, group=name) for pid, name in ((1, "light"), (2, "heavy")))
    now = snapshot(*workers)
    assert victim_of("worker", now, ["heavy"]).name == "heavy"
    assert victim_of("worker", now, ["of-another-host"]).name == "light"


def test_a_host_that_was_switched_off_is_started_again_whatever_came_between(project: Project, tmp_path: Path) -> None:
    project.fleet_file.write_text("naem: shop\n")  # so that the attempt to start it shows
    fleet = replace(drilled_fleet(project), witness_folder=tmp_path)
    (tmp_path / "here.jsonl").write_text("no line of a journal\n")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as agent:
        with pytest.raises(FileProblems, match="naem"):
            PartKilled(HOST, print).power_off(fleet, snapshot(pid=agent.pid))
        assert agent.wait(10) == -signal.SIGKILL


def test_a_keeper_may_have_started_the_host_again_before(project: Project) -> None:
    said: list[str] = []
    project.paths.runtime.mkdir(parents=True)
    with project.paths.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        PartKilled(HOST, said.append).start_again(drilled_fleet(project, environ=project.environ))
    assert said == ["the agent was started again by its keeper"]
