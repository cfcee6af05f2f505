"""Commands of who does not own a fleet, and of its owner when its agent cannot be asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from airfleet.agent import leftovers
from airfleet.cli.project import Project
from airfleet.fleet.ownership import described
from airfleet.fleet.paths import fleet_id
from conftest import Airfleet


@pytest.fixture
def of_somebody_else(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fleet of another user; who that is."""
    project.paths.home.mkdir()
    if os.geteuid() == 0:
        os.chown(project.paths.home, 54321, 54321)
        return "uid 54321"
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    return described(os.getuid())


@pytest.mark.parametrize(
    "command", ["up", "up --detach", "up --hosts 2", "down", "status", "plan", "why hello", "drain local"]
)
def test_nobody_but_the_owner_may(project: Project, airfleet: Airfleet, of_somebody_else: str, command: str) -> None:
    result = airfleet(*command.split())
    assert result.code == 1
    assert result.err.startswith(f"error: this fleet belongs to {of_somebody_else}\nhint: sudo -u ")
    assert result.err.endswith(f" airfleet {command.split()[0]}\n")
    assert list(project.paths.home.iterdir()) == []


def test_a_fleet_whose_home_was_deleted_is_found_and_ended(project: Project, airfleet: Airfleet) -> None:
    script = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); "
        "print(1, flush=True); signal.sigwait([signal.SIGTERM])"
    )
    argv = [sys.executable, "-c", script, "airfleet.agent", "--root", str(project.root)]
    environ = {leftovers.MARK: fleet_id(project.paths.home)}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        shutil.rmtree(project.paths.home, ignore_errors=True)
        told = airfleet("status")
        assert (told.code, told.err) == (
            1,
            f"error: the fleet in {project.root} runs (agent {agent.pid}), but its home was moved or deleted\n"
            "hint: airfleet down\n",
        )
        ended = airfleet("down")
        assert agent.wait(20) == 0, "it was not asked, but killed"
    assert ended.code == 0
    assert ended.err.endswith("the fleet is stopped\n")
