"""``logs``: the last lines of one or all components, and what is written afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet


@pytest.fixture
def logs(project: Project) -> Path:
    folder = project.paths.logs
    folder.mkdir(parents=True)
    (folder / "scheduler.log").write_text("s1\ns2\ns3\n")
    (folder / "worker.log").write_text("w1\nw2\n")
    os.utime(folder / "scheduler.log", (1, 1))
    return folder


def test_all_components_with_their_names_the_last_written_at_the_end(logs: Path, airfleet: Airfleet) -> None:
    assert airfleet("logs", "-n", 2).out == ("scheduler | s2\nscheduler | s3\nworker    | w1\nworker    | w2\n")


def test_one_component_without_its_name(logs: Path, airfleet: Airfleet) -> None:
    assert airfleet("logs", "scheduler").out == "s1\ns2\ns3\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("schedular", "did you mean 'scheduler'?"), ("x", "there are: scheduler, worker")],
)
def test_an_unknown_component(name: str, hint: str, logs: Path, airfleet: Airfleet) -> None:
    result = airfleet("logs", name)
    assert result.code == 1
    assert result.err == f"error: no component named '{name}' has a log\nhint: {hint}\n"


def test_before_the_first_start_there_are_no_logs(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("logs")
    assert result.code == 1
    assert result.err == f"error: there are no logs in {project.paths.logs} yet\nhint: airfleet up\n"


def test_following_shows_new_lines_also_of_components_that_start_later(logs: Path, project: Project) -> None:
    command = [sys.executable, "-m", "airfleet.cli", "logs", "-f", "-n", "1"]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "scheduler | s3\n"
            assert process.stdout.readline() == "worker    | w2\n"
            with open(logs / "worker.log", "a") as log:
                log.write("w3\n")
            assert process.stdout.readline() == "worker    | w3\n"
            (logs / "triggerer.log").write_text("t1\n")
            assert process.stdout.readline() == "triggerer | t1\n"
        finally:
            process.terminate()
