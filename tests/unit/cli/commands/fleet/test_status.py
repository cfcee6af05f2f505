"""``status``: how every component and host is, for people and as data."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from airfleet.agent.control import HostStatus
from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.agent.states import HostState, State
from airfleet.client.project import Project
from airfleet.fleet.planning.paths import fleet_id
from airfleet.releases.news import ReleaseState
from airfleet.system import process_tree
from support import fake_agent
from support.command_line import Airfleet
from support.fake_agent import POSTGRES, READY, FakeAgent, component, snapshot


def test_status_of_a_healthy_fleet(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY):
        result = airfleet("status")
    assert result.code == 0
    assert result.out == (
        "COMPONENT  STATE    FOR    ADDRESS\npostgres   healthy  1m00s\nscheduler  healthy  1m00s  127.0.0.1:8974\n"
    )
    assert result.err == "\nfleet 'shop' is healthy, up for 8.2s: http://127.0.0.1:8080\n"


def test_the_live_release_is_told_with_the_hosts_that_lack_it(agent_says: Callable, airfleet: Airfleet) -> None:
    hosts = (HostStatus("a", HostState.UP), HostStatus("b", HostState.UP), HostStatus("c", HostState.LEFT))
    reports = (HostRelease("a", ReleaseState.READY), HostRelease("b", ReleaseState.FAILED, "the disk is full"))
    live = ReleaseStatus("3f2a9c81d0e4" + "0" * 52, "fixes the join", "ada", 75.0, reports, 97 * 2**20, 100 * 2**20)
    with agent_says(replace(READY, host="a", hosts=hosts, releases=live)):
        result = airfleet("status")
        told = json.loads(airfleet("status", "-o", "json").out)
    assert result.err.splitlines()[2:] == [
        "host 'c' is down",
        "release 3f2a9c81d0e4 is live for 1m15s: fixes the join",
        "host 'b' cannot have it: the disk is full",
        "all releases have 97MB of 100MB in the database",
        "warning: releases have 97 % of their budget in the database, and a push above it is refused; "
        "'releases: {budget: SIZE}' in fleet.yaml raises it, and 'keep' keeps fewer",
    ]
    assert told["releases"]["live"] == live.live
    assert told["releases"]["hosts"][1] == {"host": "b", "state": "failed", "sentence": "the disk is full"}


def test_limits_of_memory_that_are_not_kept_are_told(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(replace(READY, unlimited=("worker", "flower"))):
        result = airfleet("status")
    assert result.code == 0
    assert result.err.splitlines()[-1] == (
        "warning: the limit of memory is not kept of worker, flower; 'airfleet logs agent' says why"
    )


def test_status_of_an_unhealthy_fleet_says_why_and_exits_4(agent_says: Callable, airfleet: Airfleet) -> None:
    limping = component("worker", State.BACKOFF, restarts=3, reason="killed by signal 9", pid=None)
    with agent_says(snapshot(POSTGRES, limping, state="degraded", url="http://127.0.0.1:8080")):
        result = airfleet("status")
    assert result.code == 4
    assert result.out == (
        "COMPONENT  STATE       FOR    RESTARTS  REASON\n"
        "postgres   healthy     1m00s\n"
        "worker     restarting  1m00s  3         killed by signal 9\n"
    )


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (HostStatus("b", HostState.UP, components=(component("worker"), component("migrate", State.DONE))), 0),
        (HostStatus("b", HostState.UP, components=(component("worker", State.STOPPED),)), 0),
        (HostStatus("b", HostState.LEFT, components=(component("worker", State.STOPPING),)), 4),
        (HostStatus("b", HostState.UP, components=(component("worker", State.GAVE_UP),)), 4),
        (HostStatus("b", HostState.UP, components=(component("disk", State.DEGRADED, reason="it is full"),)), 4),
        (HostStatus("b", HostState.LATE), 4),
        (HostStatus("b", HostState.GONE), 4),
    ],
)
def test_status_exits_4_when_something_is_not_well_on_any_host(
    agent_says: Callable, airfleet: Airfleet, other: HostStatus, code: int
) -> None:
    with agent_says(snapshot(POSTGRES, host="a", hosts=(HostStatus("a", HostState.UP), other))):
        result = airfleet("status")
    assert result.code == code
    assert ("is healthy" if code == 0 else "is degraded") in result.err


def test_status_names_a_host_of_fleet_yaml_that_was_never_up(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(POSTGRES, host="a", hosts=(HostStatus("a", HostState.UP),), missing=("b",))):
        result = airfleet("status")
    assert result.code == 4
    assert result.out.splitlines()[-1].split() == ["b", "was", "not", "up", "yet"]
    assert result.err.endswith("host 'b' was not up yet\n")


def test_status_as_plain_is_tab_separated_without_a_heading(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(component("worker", pid=12, memory_mb=101.25))):
        result = airfleet("status", "--memory", "-o", "plain")
    assert result.out == "worker\thealthy\t1m00s\t12\t\t101.2\t\t\n"
    assert result.err == ""


def test_status_as_json_has_everything_and_one_word_to_ask_first(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY):
        data = json.loads(airfleet("status", "-o", "json").out)
    assert data == {"healthy": True, **json.loads(json.dumps(READY.to_json())), "warnings": []}


def test_status_of_a_stopped_fleet_exits_1_in_every_format(project: Project, airfleet: Airfleet) -> None:
    told = airfleet("status")
    assert (told.code, told.out) == (1, "")
    assert told.err == f"error: the fleet in {project.root} is not running\nhint: airfleet up\n"
    data = airfleet("status", "-o", "json")
    assert data.code == 1
    assert json.loads(data.out) == {
        "healthy": False,
        "state": "stopped",
        "problem": f"the fleet in {project.root} is not running",
        "home": str(project.paths.home),
        "components": [],
    }


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
        process_tree.write_down(project.paths.processes, {component.pid: "zygote"})
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


@pytest.mark.parametrize(
    ("own", "code"), [(State.READY, 0), (State.GAVE_UP, 4)], ids=["this host is well", "this host is not"]
)
def test_a_host_alone_is_judged_by_what_it_runs_itself(
    own: State, code: int, agent_says: Callable, airfleet: Airfleet
) -> None:
    others = (HostStatus("a", HostState.UP), HostStatus("b", HostState.GONE))
    said = snapshot(component("scheduler", own), host="a", hosts=others, missing=("c",), refused={"d": "is another"})
    with agent_says(said):
        assert airfleet("status").code == 4
        result = airfleet("status", "--here")
    assert result.code == code
    assert "'b'" not in result.err
    assert "'c'" not in result.err


def test_a_host_that_was_refused_is_not_well_alone(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(POSTGRES, host="a", hosts=(HostStatus("a", HostState.UP),), refused={"a": "is another"})):
        assert airfleet("status", "--here").code == 4
