"""``drill`` before it breaks anything: whom it refuses; and what it says of what came of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_agent import component, snapshot
from fake_airflow import FakeAirflow

from airfleet.agent.control import Snapshot
from airfleet.agent.states import State
from airfleet.cli import drill as command
from airfleet.cli.project import Project
from airfleet.errors import FleetError
from airfleet.testing import drill
from airfleet.testing.drill import Drill, Verdict, available, victim_of
from airfleet.testing.invariants import Violation
from conftest import Airfleet

GOOD = Verdict("worker", 1.234, 2.5, tasks=38, rerun=2, rerun_after=2.25, lost=0, twice=0, failed=0, violations=())
LATE = Verdict("scheduler", None, 2.5, tasks=38, rerun=0, rerun_after=0.0, lost=0, twice=0, failed=0, violations=())
BAD = Verdict("worker", 1.0, 2.0, 38, 0, 0.0, 1, 0, 0, (Violation("I1", "run d/r is still running"),))


def test_a_fleet_that_does_not_run_is_not_drilled(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("drill", "scheduler")
    assert result.code == 1
    assert "is not running" in result.err


def test_production_is_not_broken_by_a_slip(airflow: FakeAirflow, project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("name: shop\nproduction: true\n")
    result = airfleet("drill", "scheduler")
    assert result.code == 1
    assert "fleet 'shop' is production: a drill really kills what it names" in result.err
    assert "hint: --yes does it all the same" in result.err
    assert not (project.root / "pipelines" / drill.FILE_NAME).exists()


def test_a_part_that_somebody_else_runs_is_theirs_to_break(airflow: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet("drill", "database")
    assert result.code == 1
    assert "no database of fleet 'shop' runs on this host" in result.err


def test_an_unknown_part_is_a_slip_of_the_command_line(project: Project, airfleet: Airfleet) -> None:
    assert airfleet("drill", "nginx").code == 2


def test_the_words_of_the_command_are_those_of_the_drill() -> None:
    assert (*drill.PARTS, command.ALL) == command.PARTS


def test_a_program_is_told_everything_of_a_verdict() -> None:
    assert command.row(GOOD) == {
        "part": "worker",
        "gap": 1.23,
        "healthy_after": 2.5,
        "tasks": 38,
        "rerun": 2,
        "rerun_after": 2.25,
        "lost": 0,
        "twice": 0,
        "failed": 0,
        "held": True,
        "in_time": True,
        "violations": [],
    }
    assert command.row(LATE)["gap"] is None
    assert command.row(BAD)["violations"] == ["I1: run d/r is still running"]


@pytest.mark.parametrize(("verdicts", "code"), [([GOOD], 0), ([GOOD, LATE], 124), ([BAD, LATE], 1), ([], 0)])
def test_something_lost_is_worse_than_something_late(verdicts: list[Verdict], code: int) -> None:
    assert command.exit_code(verdicts) == code


def test_every_part_that_a_host_runs_can_be_drilled_and_the_host_itself() -> None:
    now = snapshot(
        component("scheduler", pid=1), component("worker-1", kind="worker", pid=2), component("valkey", pid=3)
    )
    assert available(now) == ("scheduler", "worker", "broker", "host")
    assert victim_of("worker", now).name == "worker-1"
    with pytest.raises(FleetError, match="no api-server of fleet 'shop'"):
        victim_of("api-server", now)


def test_an_unhealthy_fleet_is_left_alone(agent_says: Callable, project: Project) -> None:
    ill: Snapshot = snapshot(component("scheduler", State.BACKOFF), state="degraded")
    place = drill.Place(project.root, {}, project.paths, project.root / "pipelines", "default", 1, None)  # type: ignore[arg-type]
    with agent_says(ill), pytest.raises(FleetError, match="the fleet is not healthy") as refused:
        Drill(place, 1.0, lambda at, line: None).prepared().__enter__()
    assert refused.value.exit_code == 4
    assert list((project.root / "pipelines").iterdir()) == []
