"""Starts of agents, and refusals on the way to whoever asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.agent import launch
from airfleet.errors import FileProblems, FleetError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    return tmp_path


def environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "AIRFLEET_HOME": str(folder / "home")}


def test_an_agent_that_refuses_says_its_problems_to_who_started_it(project: Path) -> None:
    (project / "fleet.yaml").write_text("name: shop\nworker: []\n")
    with pytest.raises(FileProblems) as refused:
        launch.start(project, environ=environ(project))
    expected = f"{project}/fleet.yaml:2:1: worker: unknown key 'worker'\nhint: did you mean 'workers'?"
    assert str(refused.value) == expected


def test_a_home_that_cannot_be_made(project: Path) -> None:
    (project / "home").write_text("a file is in the way")
    with pytest.raises(FleetError) as refused:
        launch.start(project, environ=environ(project))
    assert refused.value.sentence == f"cannot prepare the fleet's home: File exists: {project}/home"
    assert refused.value.hint == "mend that, or name another place with AIRFLEET_HOME"


def test_a_second_agent_is_refused_by_the_lock_of_the_first(project: Path) -> None:
    fleet_paths = launch.of(project, environ(project))
    fleet_paths.runtime.mkdir(parents=True)
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); f.write('4711'); f.flush(); "
        "fcntl.flock(f, 2); print(1, flush=True); input()"
    )
    argv = [sys.executable, "-c", holder, str(fleet_paths.lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "1\n"
        with pytest.raises(FleetError) as refused:
            launch.start(project, environ=environ(project))
        first.communicate("\n")
    assert refused.value.sentence == "fleet 'shop' is already running (agent 4711)"
    assert refused.value.hint == "'airfleet status' shows it, 'airfleet down' ends it"


def test_an_agent_is_not_told_what_a_shell_says_of_another_airflow() -> None:
    shell = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW_CONFIG": "/elsewhere/airflow.cfg",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////elsewhere.db",
        "_AIRFLOW__AS_LIBRARY": "1",
        "AIRFLOW_VAR_CITY": "Oslo",
        "AIRFLOW_CONN_STORE": "aws://",
    }

    assert launch.without_airflow_settings(shell) == {
        "PATH": "/bin",
        "AIRFLOW_VAR_CITY": "Oslo",
        "AIRFLOW_CONN_STORE": "aws://",
    }
