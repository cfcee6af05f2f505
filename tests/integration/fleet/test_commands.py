"""The commands that people use every day, against a real fleet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest

from airfleet.testing.fleet import FleetUnderTest
from support.fleets import AirQuality, Tiny

OPERATE = Path(__file__).parents[3] / "docs" / "how-to" / "operate.md"

COMPONENTS = {
    "postgres", "valkey", "zygote", "migrate", "scheduler", "dag-processor", "triggerer", "light", "heavy",
    "api-server",
}  # fmt: skip


@pytest.fixture(scope="module")
def fleet(air_quality_fleet: AirQuality) -> FleetUnderTest:
    """The example's fleet with its small pipelines known."""
    for dag_id in ("hello", "fails"):
        air_quality_fleet.fleet.wait_for_dag(dag_id)
    return air_quality_fleet.fleet


def test_status_tells_every_component_and_exits_0(fleet: FleetUnderTest) -> None:
    result = fleet.airfleet("status", "--memory", "-o", "json")
    said = json.loads(result.stdout)
    assert result.returncode == 0
    assert said["healthy"] is True
    assert {c["name"]: c["state"] for c in said["components"]} == {
        **dict.fromkeys(COMPONENTS | {"agent"}, "ready"),
        "migrate": "done",
    }
    assert all(c["memory_mb"] > 0 for c in said["components"] if c["pid"])


def test_a_second_up_of_a_healthy_fleet_says_so_and_changes_nothing(fleet: FleetUnderTest) -> None:
    before = fleet.snapshot()
    result = fleet.airfleet("up", "-d")
    assert result.returncode == 0
    assert result.stdout.startswith(f"fleet 'air-quality' was already up (agent {before.pid})\n")
    assert {c.name: c.pid for c in fleet.snapshot().components} == {c.name: c.pid for c in before.components}


def test_trigger_and_wait_shows_the_run_to_its_end(fleet: FleetUnderTest) -> None:
    result = fleet.airfleet("trigger", "hello", "--unpause", "--wait", "--timeout", "2m", "-o", "json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["state"] == "success"
    assert "of 'hello' succeeded" in result.stderr


def test_why_names_the_task_the_exception_and_the_line(fleet: FleetUnderTest) -> None:
    run = fleet.trigger("fails")
    assert fleet.wait_for_run("fails", run) == "failed"
    shown = fleet.airfleet("why", "fails")
    assert shown.returncode == 0, shown.stderr
    assert "ZeroDivisionError: division by zero" in shown.stdout
    assert "looking.py" in shown.stdout
    told = json.loads(fleet.airfleet("why", "fails", run, "-o", "json").stdout)
    failed = next(finding for finding in told["findings"] if finding["kind"] == "failed")
    assert failed["tasks"] == ["divide"]


def test_logs_are_what_the_components_wrote(fleet: FleetUnderTest) -> None:
    scheduler = fleet.airfleet("logs", "scheduler", "-n", "10000")
    assert scheduler.returncode == 0
    assert "Starting the scheduler" in scheduler.stdout
    everything = fleet.airfleet("logs", "-n", "3")
    assert {line.split(" ")[0] for line in everything.stdout.splitlines()} >= COMPONENTS - {"triggerer"}


@pytest.mark.long
def test_two_fleets_on_one_machine_do_not_meet(fleet: FleetUnderTest, running: Tiny) -> None:
    other = running.fleet
    addresses = [c.address for f in (fleet, other) for c in f.snapshot().components if c.address]
    assert len(addresses) == len(set(addresses)) == 6
    assert not set(fleet.pids()) & set(other.pids())
    assert not other.knows("hello")
    assert not fleet.knows("witness")
    assert running.runs_a_task("beside another fleet")
    assert fleet.snapshot().healthy


def test_old_rows_are_deleted_as_the_page_for_a_full_disk_says(fleet: FleetUnderTest, tmp_path: Path) -> None:
    look, clean = re.findall(r"^    airfleet (airflow db clean .*)$", OPERATE.read_text(), re.MULTILINE)
    password = json.loads(fleet.paths.secrets.read_text())["airflow_password"]
    url = f"postgresql://airflow:{password}@{fleet.component('postgres').address}/airflow"
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("INSERT INTO log (dttm, event) VALUES ('2025-01-01', 'old'), ('2026-06-01', 'new')")
        for words, left in ((look, ["new", "old"]), (clean, ["new"])):
            result = fleet.with_environment(HOME=str(tmp_path)).airfleet(*words.split())
            assert result.returncode == 0, result.stderr
            events = "SELECT event FROM log WHERE event IN ('old', 'new') ORDER BY event"
            assert [event for (event,) in database.execute(events).fetchall()] == left
    assert not list(tmp_path.iterdir())  # no Airflow of its own is made


def test_a_command_of_airflow_ends_with_its_own_exit_code(fleet: FleetUnderTest) -> None:
    result = fleet.airfleet("airflow", "dags", "details", "there-is-none")
    assert result.returncode == 1
    assert "there-is-none" in result.stderr + result.stdout
