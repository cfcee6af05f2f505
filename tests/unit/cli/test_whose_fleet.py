"""Commands of who does not own a fleet, and of its owner when its agent cannot be asked."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from airfleet.client.project import Project
from airfleet.fleet.planning.ownership import described
from airfleet.fleet.planning.paths import fleet_id
from airfleet.system import process_tree
from support import fake_agent
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, snapshot


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
    "command",
    ["up", "up --detach", "up --hosts 2", "down", "status", "plan", "why hello", "drain local", "logs worker -n 3"],
)
def test_nobody_but_the_owner_may(project: Project, airfleet: Airfleet, of_somebody_else: str, command: str) -> None:
    result = airfleet(*command.split())
    assert result.code == 1
    assert result.err.startswith(f"error: this fleet belongs to {of_somebody_else}\nhint: sudo -u ")
    assert result.err.endswith(f" airfleet {command}\n")
    assert list(project.paths.home.iterdir()) == []


def test_an_agent_that_has_just_started_is_waited_for(project: Project, airfleet: Airfleet) -> None:
    with agent_without_a_socket(project) as agent, ExitStack() as soon:
        says = fake_agent.listening(FakeAgent([snapshot()]), project.paths.socket)
        opens = Timer(0.5, lambda: soon.enter_context(says))
        opens.start()
        told = airfleet("status")
        opens.join()
        agent.kill()
    assert (told.code, told.err) == (0, "\nfleet 'shop' is healthy, up for 1m15s: \n")


def test_an_agent_that_cannot_be_asked_yet_has_no_home_that_was_moved(project: Project, airfleet: Airfleet) -> None:
    with agent_without_a_socket(project) as agent:
        told = airfleet("status")
        assert (told.code, told.err) == (
            4,
            f"error: the agent of the fleet in {project.root} (process {agent.pid}) starts or ends, "
            "and cannot be asked\n"
            f"hint: airfleet status, in a moment; its log is {project.paths.log('agent')}\n",
        )
        ended = airfleet("down")
        assert agent.wait(20) == 0, "it was not asked, but killed"
    assert ended.code == 0
    assert ended.err == (
        f"the agent (process {agent.pid}) cannot be asked; telling it to end by a signal\nthe fleet is stopped\n"
    )


def test_components_that_outlive_their_agent_are_said_to_run(project: Project, airfleet: Airfleet) -> None:
    project.paths.runtime.mkdir(parents=True)
    with stand_in(project, "airfleet.zygote.main") as component:
        process_tree.write_down(project.paths.processes, {component.pid: "template"})
        told, data, planned = airfleet("status"), airfleet("status", "-o", "json"), airfleet("plan")
        component.kill()
    sentence = f"the agent of the fleet in {project.root} has died; 1 component runs on without it"
    found = json.loads(data.out)
    assert (data.code, found["healthy"], found["state"], found["problem"]) == (4, False, "unreachable", sentence)
    assert planned.err.strip().startswith("the agent has died ('airfleet up' goes on with what runs, 1): ")
    assert (told.code, told.err) == (
        4,
        f"error: the agent of the fleet in {project.root} has died; 1 component runs on without it\n"
        "hint: 'airfleet up' goes on with what runs, 'airfleet down' ends it\n",
    )
    assert airfleet("status").code == 1


def test_a_fleet_of_the_project_with_another_home_is_named(
    project: Project, airfleet: Airfleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in(project) as agent:
        monkeypatch.setenv("AIRFLEET_HOME", str(tmp_path / "other"))
        told, ended = airfleet("status"), airfleet("down")
        assert (told.code, told.err) == (
            1,
            f"error: the fleet in {project.root} is not running here; one with another home is (agent {agent.pid})\n"
            "hint: env -u AIRFLEET_HOME asks that one; airfleet up starts this one\n",
        )
        assert (ended.code, ended.err) == (
            0,
            f"nothing is running here; a fleet with another home is (agent {agent.pid}): "
            "env -u AIRFLEET_HOME airfleet down\n",
        )


@contextmanager
def agent_without_a_socket(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """What has the command line and the lock of the project's agent, and ends when it is told to."""
    with stand_in(project) as agent:
        project.paths.runtime.mkdir(parents=True)
        project.paths.lock.write_text(f"{agent.pid} {socket.gethostname()}")
        yield agent


@contextmanager
def stand_in(project: Project, module: str = "airfleet.agent") -> Iterator[subprocess.Popen[bytes]]:
    """What has the command line of the project's agent, and ends when it is told to."""
    script = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); "
        "print(1, flush=True); signal.sigwait([signal.SIGTERM])"
    )
    argv = [sys.executable, "-c", script, module, "--root", str(project.root)]
    environ = {process_tree.MARK: fleet_id(project.paths.home)}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        try:
            yield agent
        finally:
            agent.kill()


def test_a_fleet_whose_home_was_deleted_is_found_and_ended(project: Project, airfleet: Airfleet) -> None:
    with stand_in(project) as agent:
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
