"""What others on the machine can see of a running fleet: no secret, and no door but its own."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.doctor.gathering import listening_sockets
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from support.exposed import first_environment
from support.fleets import AirQuality


@pytest.fixture(scope="module")
def fleet(air_quality_fleet: AirQuality) -> FleetUnderTest:
    """The example's fleet after a task has run: every process and every log is there."""
    fleet = air_quality_fleet.fleet
    fleet.wait_for_dag("hello")
    assert fleet.wait_for_run("hello", fleet.trigger("hello")) == "success"
    return fleet


@pytest.fixture(scope="module")
def secrets(fleet: FleetUnderTest) -> dict[str, str]:
    """Every secret of the fleet."""
    found: dict[str, str] = json.loads(fleet.paths.secrets.read_text())
    assert len(found) == 10
    assert all(len(value) >= 24 for value in found.values())
    return found


def test_no_secret_is_in_the_arguments_of_a_process(fleet: FleetUnderTest, secrets: dict[str, str]) -> None:
    shown = {pid: procfs.arguments(pid) for pid in fleet.pids()}
    assert len([line for line in shown.values() if line]) >= 8
    assert [(name, pid) for pid, line in shown.items() for name in secrets if secrets[name] in line] == []


def test_no_secret_is_in_the_first_environment_of_a_process(fleet: FleetUnderTest, secrets: dict[str, str]) -> None:
    shown = {pid: first_environment(pid) for pid in fleet.pids()}
    assert len([lines for lines in shown.values() if "AIRFLEET_FLEET=" in lines]) >= 8
    assert [(name, pid) for pid, lines in shown.items() for name in secrets if secrets[name] in lines] == []


def test_no_secret_is_in_a_log_or_in_the_configuration(fleet: FleetUnderTest, secrets: dict[str, str]) -> None:
    files = {path: path.read_text(errors="replace") for path in written_for_people(fleet.paths.home)}
    assert {"airflow.cfg", "agent.log", "scheduler.log", "postgres.log"} <= {path.name for path in files}
    assert any("task-logs" in path.parts for path in files)
    assert [(name, str(path)) for path, text in files.items() for name in secrets if secrets[name] in text] == []


def written_for_people(home: Path) -> Iterator[Path]:
    for folder in ("logs", "task-logs", "airflow"):
        for path in (home / folder).rglob("*"):
            if path.is_file() and path.name != "passwords.json":  # where the auth manager reads passwords
                yield path


def test_what_holds_secrets_is_for_its_owner_alone(fleet: FleetUnderTest) -> None:
    home = fleet.paths.home
    private = [fleet.paths.secrets, fleet.paths.password, home / "airflow" / "airflow.cfg"]
    private += [home / "airflow" / "passwords.json", *fleet.paths.logs.glob("*.log")]
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in private if path.stat().st_mode & 0o077} == {}
    paths = fleet.paths
    for folder in (paths.runtime, paths.logs, paths.task_logs, paths.airflow_home, paths.releases):
        assert oct(folder.stat().st_mode & 0o777) == "0o700", folder
    assert {path.stat().st_uid for path in private} == {os.geteuid()}


def test_a_task_sees_neither_the_database_nor_a_key(fleet: FleetUnderTest, secrets: dict[str, str]) -> None:
    fleet.wait_for_dag("shows_environment")
    run = fleet.trigger("shows_environment")
    assert fleet.wait_for_run("shows_environment", run) == "success"
    folder = fleet.paths.task_logs / "dag_id=shows_environment" / f"run_id={run}"
    printed = (folder / "task_id=show" / "attempt=1.log").read_text()
    assert "AIRFLEET_COMPONENT" in printed  # it is the environment
    assert [name for name, value in secrets.items() if value in printed] == []
    assert "postgresql" not in printed.replace("postgresql+psycopg://none@", "")
    way = ("dags", "shows_environment", "dagRuns", run, "taskInstances", "tell", "xcomEntries", "return_value")
    found = fleet.api.get(*way)["value"]
    told = ast.literal_eval(found) if isinstance(found, str) else found
    assert told["database"] == "airflow-db-not-allowed:///"  # Airflow's own word for it
    assert [name for name, value in secrets.items() if value in str(told)] == []


def test_every_listening_socket_is_on_loopback(fleet: FleetUnderTest) -> None:
    found = listening_sockets.of_processes(fleet.pids())
    ports = {s.port for s in found}
    known = {int(c.address.rpartition(":")[2]) for c in fleet.snapshot().components if c.address}
    assert len(known) == 3  # api-server, PostgreSQL, Valkey
    assert known <= ports
    assert [s for s in found if s.address not in ("127.0.0.1", "::1")] == []
