"""A drill before it breaks anything, and its history without an answer of the API."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from airfleet.agent.control import HostStatus, Snapshot
from airfleet.agent.states import HostState, State
from airfleet.client import overrides
from airfleet.client.project import Project
from airfleet.drill.fleet_drill import DrillExperiment, ProgressLog, long_task_runs
from airfleet.drill.parts import PartKilled
from airfleet.drill.records import Injection, Note, NoteKind, RunKey, TaskKey
from airfleet.drill.runner import Trial
from airfleet.drill.workload import DRILL, LONG, DrillMix, RunRequest
from airfleet.errors import FleetError, Unhealthy
from support.drills import drilled_fleet, one_drill
from support.fake_agent import component, snapshot


def test_an_unhealthy_fleet_is_left_alone(agent_says: Callable, project: Project) -> None:
    ill: Snapshot = snapshot(component("scheduler", State.BACKOFF), state="degraded")
    with agent_says(ill), pytest.raises(FleetError, match="the fleet is not healthy") as refused:
        one_drill(drilled_fleet(project), []).prepared().__enter__()
    assert refused.value.exit_code == 4
    assert list((project.root / "pipelines").iterdir()) == []


def test_a_fleet_is_not_healthy_as_long_as_one_of_its_hosts_is_gone(agent_says: Callable, project: Project) -> None:
    hosts = (HostStatus("a", HostState.UP), HostStatus("b", HostState.GONE))
    with (
        agent_says(snapshot(component("worker", pid=2), host="a", hosts=hosts)),
        pytest.raises(Unhealthy, match="is not healthy"),
    ):
        one_drill(drilled_fleet(project), []).run("worker")


def test_an_agent_that_has_gone_is_no_mistake_of_airfleet(project: Project) -> None:
    with pytest.raises(FleetError, match="is not running"):
        one_drill(drilled_fleet(project), []).run("worker")


def test_without_an_answer_of_the_api_the_runs_are_not_known_and_none_is_called_lost(project: Project) -> None:
    one = DrillExperiment(drilled_fleet(project), "worker", 1.0, lambda at, line: None)
    one.load._asked = list(DrillMix("/nowhere", 1).at("worker-7", 0))
    assert one.states() is None
    history = one.final_history()
    assert (history.is_known, one.judge(history)) == (False, ())


def test_runs_that_end_one_by_one_do_not_prolong_the_timeout(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    one = DrillExperiment(drilled_fleet(project), "worker", 0.8, lambda at, line: None)
    asked = one.load._asked = [RunRequest(DRILL, f"worker-7-{number}") for number in range(9)]
    looks: list[Mapping[RunKey, str]] = []

    def states(self: DrillExperiment) -> Mapping[RunKey, str]:
        ended = len(looks)
        looks.append({run.run: "success" if number < ended else "running" for number, run in enumerate(asked)})
        return looks[-1]

    monkeypatch.setattr(DrillExperiment, "states", states)
    one._drain()
    assert len(looks) < len(asked)
    assert one.final_history().states == looks[-1]


def test_the_timeout_counts_from_the_fault_also_where_the_kill_takes_its_time(project: Project) -> None:
    one = DrillExperiment(drilled_fleet(project), "host", 120.0, lambda at, line: None)
    assert one.gives_up_at(Injection("host", began=10.0, ended=40.0)) == 130.0


def test_a_fault_begins_when_the_agent_has_said_that_all_is_well(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = DrillExperiment(drilled_fleet(project), "scheduler", 1.0, lambda at, line: None)
    said_at: list[float] = []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:

        def running(here: Project) -> Snapshot:
            said_at.append(time.monotonic())
            return snapshot(component("scheduler", pid=victim.pid))

        monkeypatch.setattr(overrides, "running", running)
        monkeypatch.setattr(one, "on_injection", lambda injection: None)
        injection = one._inject(Trial(PartKilled("scheduler", lambda line: None), {}))
    assert len(said_at) == 1
    assert injection.began > said_at[0]


def test_a_long_task_of_an_earlier_part_does_not_count() -> None:
    killed = Note(NoteKind.START, TaskKey(DRILL, f"worker-7-0{LONG}", "work"), "a", 1, "here", 1, 1.0)
    assert long_task_runs([killed], "worker-7")
    assert not long_task_runs([killed], "host-7")
    assert not long_task_runs([killed, replace(killed, event=NoteKind.END)], "worker-7")


def test_lines_carry_the_seconds_since_the_first_one() -> None:
    said: list[tuple[float, str]] = []
    log = ProgressLog(lambda at, line: said.append((at, line)))
    log.tell("worker is killed")
    log.tell("worker is starting")
    (first, _), (second, line) = said
    assert first == 0.0
    assert second > 0.0
    assert line == "worker is starting"
