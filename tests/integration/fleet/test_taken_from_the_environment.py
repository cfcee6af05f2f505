"""A foreground ``up`` with an own database and broker, whose passwords fleet.yaml takes from the environment.

No process of the fleet shows them, no task can print them, and other shells find the fleet all the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import START_SECONDS, FleetUnderTest, command
from airfleet.testing.servers import Servers
from support.exposed import first_environment

FLEET = """\
name: outside
triggerer: false
database: postgresql://airfleet:${{ env.DATABASE_PASSWORD }}@%s
broker: redis://:${{ env.BROKER_PASSWORD }}@%s
connections: {warehouse: {type: postgres, password: "${{ env.WAREHOUSE_PASSWORD }}"}}
env: {HANDED_ON: "${{ env.FOR_TASKS }}"}
workers: [{name: worker, slots: 1}]
"""
#: says what a task has, and what it finds in the first environments of all processes that it may look into
SNOOPS = """\
dag_id: snoops
schedule: null
start_date: 2026-01-01
tasks:
  - id: look
    uses: bash
    with: {bash_command: "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\\\0' '\\\\n' || true"}
"""


@dataclass(frozen=True)
class Outside:
    """The fleet, the ``airfleet up`` that keeps it, and what nobody but the agent is to know."""

    fleet: FleetUnderTest
    up: subprocess.Popen[str]
    hidden: dict[str, str]


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with tempfile.TemporaryDirectory(prefix="airfleet-servers-") as folder:
        Path(folder).chmod(0o755)  # the user that they run as, when we are root, must reach its data
        yield from _outside(Servers(Path(folder) / "servers"))


def _outside(servers: Servers) -> Iterator[Outside]:
    servers.start()
    try:
        database, broker = servers.database("outside"), servers.broker()
        hidden = {
            "DATABASE_PASSWORD": servers.passwords()[0],
            "BROKER_PASSWORD": servers.passwords()[1],
            "WAREHOUSE_PASSWORD": "a-password-of-the-warehouse",
        }
        text = FLEET % (database.partition("@")[2], broker.partition("@")[2])
        with FleetUnderTest.make(text, {"pipelines/snoops.yaml": SNOOPS}) as fleet:
            # Airflow warns while it is imported: a shell that makes errors of warnings is not the fleet's.
            environ = {**fleet.environ, **hidden, "FOR_TASKS": "known to tasks", "PYTHONWARNINGS": "error"}
            said = fleet.root.parent / "up.log"
            with said.open("w") as file:
                up = subprocess.Popen(
                    [*command(), "up", "--timeout", f"{START_SECONDS:.0f}s"],
                    cwd=fleet.root,
                    env=environ,
                    stdout=file,
                    stderr=file,
                    text=True,
                )
            try:
                wait_until(
                    lambda: up.poll() is not None or "is healthy" in said.read_text(), START_SECONDS, "it is healthy"
                )
                assert up.poll() is None, said.read_text()
                yield Outside(fleet, up, hidden)
            finally:
                up.send_signal(signal.SIGTERM)
                up.wait(120)
    finally:
        servers.stop()


def found_in(text: str, hidden: dict[str, str]) -> list[str]:
    return [name for name, value in hidden.items() if value in text]


def test_no_process_of_the_fleet_was_started_with_them(outside: Outside) -> None:
    pids = (outside.up.pid, *outside.fleet.pids())
    shown = {pid: first_environment(pid) for pid in pids}
    assert len([text for text in shown.values() if "PATH=" in text]) >= 6
    assert {pid: found for pid, text in shown.items() if (found := found_in(text, outside.hidden))} == {}


def test_a_task_has_and_finds_none_of_them(outside: Outside) -> None:
    fleet = outside.fleet
    fleet.wait_for_dag("snoops")
    run = fleet.trigger("snoops")
    assert fleet.wait_for_run("snoops", run) == "success"
    folder = fleet.paths.task_logs / "dag_id=snoops" / f"run_id={run}"
    printed = (folder / "task_id=look" / "attempt=1.log").read_text()
    assert "HANDED_ON=known to tasks" in printed
    assert printed.count("AIRFLEET_FLEET=") > 1  # those of other processes, too
    assert found_in(printed, outside.hidden) == []


def test_another_shell_finds_the_fleet_and_does_not_end_it(outside: Outside, tmp_path: Path) -> None:
    elsewhere = outside.fleet.with_environment(
        XDG_RUNTIME_DIR=str(tmp_path), TMPDIR=str(tmp_path), HOME=str(tmp_path), LC_ALL="C"
    )
    pids = {c.name: c.pid for c in outside.fleet.snapshot().components if c.name != "objects"}
    status = elsewhere.airfleet("status", "-o", "json")
    assert status.returncode == 0, status.stderr
    second = outside.fleet.with_environment(XDG_RUNTIME_DIR=str(tmp_path), **outside.hidden, FOR_TASKS="x").airfleet(
        "up"
    )
    assert second.returncode == 1
    agent = outside.fleet.snapshot().pid
    assert f"error: fleet 'outside' is already running (agent {agent})" in second.stderr
    assert {c.name: c.pid for c in outside.fleet.snapshot().components if c.name != "objects"} == pids


def test_an_edit_that_is_not_in_force_is_said_with_an_exit_code(outside: Outside) -> None:
    text = (outside.fleet.root / "fleet.yaml").read_text()
    outside.fleet.write("fleet.yaml", text.replace("slots: 1", "slots: 2"))
    again = outside.fleet.airfleet("up", "--detach")  # in a shell that knows no password
    status = outside.fleet.airfleet("status")
    outside.fleet.write("fleet.yaml", text)
    line = "fleet.yaml has been edited and is not in force: worker would restart (slots 1 → 2)"
    assert (again.returncode, status.returncode) == (4, 0)
    assert line in again.stderr
    assert line in status.stderr


def test_up_fails_when_its_agent_is_ended_by_a_signal(outside: Outside) -> None:
    os.kill(outside.fleet.snapshot().pid, signal.SIGTERM)
    assert outside.up.wait(120) == 4
