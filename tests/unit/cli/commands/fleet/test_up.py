"""``up``, ``down`` and ``status`` against an agent that a test tells what to say."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet import versions
from airfleet.agent import launch
from airfleet.agent.control import AlreadyRuns, Edited
from airfleet.agent.database.finding import DatabaseVerdict
from airfleet.agent.states import State
from airfleet.cli.commands.fleet import agent_start
from airfleet.client import shutdown_lock
from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_agent import READY, SCHEDULER, component, snapshot

FAR = 1e9

WAITING = component("postgres", State.WAITING, started_after=None)
STARTING = component("postgres", State.STARTING, started_after=None)


def test_up_detached_of_a_running_fleet_says_so_and_succeeds(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY):
        result = airfleet("up", "-d")
    assert result.code == 0
    assert result.out == (
        "fleet 'shop' was already up (agent 4711)\n"
        "fleet 'shop' is healthy after 8.2s\n"
        "  URL       http://127.0.0.1:8080\n"
        "  user      admin\n"
        "  password  in /shop/.airfleet/password\n"
        "\n"
        "next:\n"
        "  airfleet trigger DAG_ID --wait   run a pipeline and watch it\n"
        "  airfleet why DAG_ID              what failed or waits, and why\n"
        "  airfleet down                    stop the fleet\n"
    )


def test_libraries_that_changed_under_the_fleet_are_told(agent_says: Callable, airfleet: Airfleet) -> None:
    edited = Edited(libraries=("celery 5.6.3 → 5.6.4", "flower 2.2.0 is gone", "team-tools 1.0 is new", "x 1 → 2"))
    with agent_says(replace(READY, edited=edited)):
        told, again = airfleet("status"), airfleet("up", "-d")
    words = (
        "libraries have changed while the fleet runs: celery 5.6.3 → 5.6.4, flower 2.2.0 is gone, "
        "team-tools 1.0 is new and 1 more; tasks get the one or the other\n"
        "hint: 'airfleet down', then 'airfleet up', starts it with what is installed now\n"
    )
    assert told.code == 0
    assert told.err.endswith(words)
    assert again.code == 4
    assert again.err.endswith(f"error: {words}")


@pytest.fixture
def told_to_start(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The projects whose agents were started, in this test by nobody: another command is always faster."""
    started: list[Path] = []

    def start(root: Path, *, environ: Mapping[str, str]) -> int:
        started.append(root)
        raise AlreadyRuns("fleet 'shop' is already running (agent 4711)", hint="'airfleet down' ends it")

    monkeypatch.setattr(launch, "start", start)
    return started


def test_of_two_who_start_a_fleet_at_once_the_slower_one_finds_it_running(
    project: Project, agent_says: Callable, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as faster:

        def start(root: Path, *, environ: Mapping[str, str]) -> int:
            faster.enter_context(agent_says(READY))
            raise AlreadyRuns("fleet 'shop' is already running (agent 4711)")

        monkeypatch.setattr(launch, "start", start)
        result = airfleet("up", "-d")
    assert (result.code, result.out.splitlines()[0]) == (0, "fleet 'shop' was already up (agent 4711)")


@pytest.mark.parametrize("command", ["up", "up --detach", "up --detach --no-wait"])
def test_a_fleet_that_somebody_ends_is_started_after_its_end(
    project: Project, agent_says: Callable, airfleet: Airfleet, told_to_start: list[Path], command: str
) -> None:
    with agent_says(snapshot(SCHEDULER, state="stopping")):
        result = airfleet(*command.split(), "--timeout", "1s")
        assert told_to_start == [], "its agent is still there"
    assert (result.code, result.err) == (
        124,
        f"the fleet in {project.root} is being stopped; it is started when it has stopped\n"
        f"error: the fleet in {project.root} was still being stopped after 1.0s\n"
        "hint: airfleet status\n",
    )


@pytest.mark.parametrize("command", ["up", "up --detach", "up --detach --no-wait"])
def test_what_down_has_not_done_yet_is_waited_for(
    project: Project, airfleet: Airfleet, told_to_start: list[Path], command: str
) -> None:
    project.paths.runtime.mkdir(parents=True)
    with ExitStack() as at_work:
        at_work.enter_context(shutdown_lock.at_work(project.paths))
        done = threading.Timer(0.7, at_work.close)
        done.start()
        result = airfleet(*command.split())
        done.join()
    assert told_to_start == [project.root]
    assert result.err.startswith(
        f"the fleet in {project.root} is being stopped; it is started when it has stopped\n"
        f"starting the fleet in {project.root}\n"
    )


def test_up_detached_that_is_too_late_exits_124(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(STARTING, state="starting")):
        result = airfleet("up", "-d", "--timeout", "0.1s")
    assert result.code == 124
    assert "error: not healthy within 0.1s: postgres (starting) is not ready\n" in result.err


def test_up_detached_without_waiting_returns_at_once(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(STARTING, state="starting", ready_after=None)):
        result = airfleet("up", "-d", "--no-wait")
    assert result.code == 0
    assert "fleet 'shop' is starting\n" in result.out


def test_sigterm_interrupts_a_foreground_up_as_ctrl_c_does() -> None:
    with pytest.raises(KeyboardInterrupt), agent_start.signals_interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


@pytest.mark.parametrize(
    ("words", "where", "code"),
    [
        (["up"], "airfleet.cli.commands.fleet.up.stay", 0),
        (["up", "--hosts", "3"], "airfleet.cli.commands.fleet.up_hosts.start", 0),
        (["up", "--hosts", "3", "-d"], "airfleet.cli.commands.fleet.up_hosts.start", 130),
    ],
)
def test_what_was_to_stay_until_it_is_told_to_end_has_done_so(
    words: list[str], where: str, code: int, project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*_: object, **__: object) -> None:
        with agent_start.signals_interrupt():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    monkeypatch.setattr(where, told)
    assert airfleet(*words).code == code


def test_a_wait_can_be_interrupted_at_any_moment(project: Project, agent_says: Callable) -> None:
    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with agent_says(snapshot(STARTING, state="starting")):
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            agent_start.wait_until_ready(project, FAR, 120)


# --- other versions than airfleet was made for ---------------------------------------------------------


@pytest.fixture
def other_kombu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another version of a distribution is installed; what is said of it."""
    info = tmp_path / "site" / "kombu-99.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kombu\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(info.parent)
    return f"kombu 99.0 is installed; this airfleet was made for {versions.expected()['kombu']}"


def test_up_starts_nothing_on_other_versions(project: Project, other_kombu: str, airfleet: Airfleet) -> None:
    result = airfleet("up", "-d")
    assert result.code == 1
    line = f"python -m pip install kombu=={versions.expected()['kombu']}"
    hint = f"hint: install what it was made for: {line}; or start it all the same: airfleet up --unchecked\n"
    assert result.err.endswith(f"error: {other_kombu}\n{hint}")
    assert not project.paths.socket.exists()
    assert not project.paths.log("agent").exists()


def test_check_and_status_warn_of_other_versions(agent_says: Callable, other_kombu: str, airfleet: Airfleet) -> None:
    with agent_says(READY):
        assert f"warning: {other_kombu}\n" in airfleet("status").err
        assert json.loads(airfleet("status", "-o", "json").out)["warnings"] == [other_kombu]
    assert f"warning: {other_kombu}\n" in airfleet("check").err
    assert json.loads(airfleet("check", "-o", "json").out)["warnings"] == [other_kombu]


# --- a database that may not be used -----------------------------------------------------------------


def found(verdict: DatabaseVerdict, sentence: str, hint: str = "") -> dict[str, str]:
    return {"verdict": str(verdict), "sentence": sentence, "hint": hint}


OLDER = found(DatabaseVerdict.MIGRATION, "the database has the schema of Airflow 3.0.3", "then: airfleet up --migrate")


def test_a_migration_that_nobody_agreed_to_is_refused(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(snapshot(WAITING, state="failed", database=OLDER)):
        result = airfleet("up", "-d")
    assert result.code == 1
    assert result.err.endswith(
        "error: the database has the schema of Airflow 3.0.3\nhint: then: airfleet up --migrate\n"
    )


# --- an agent that hangs -----------------------------------------------------------------------------


@pytest.mark.usefixtures("hanging_agent")
@pytest.mark.parametrize(
    "words", [("status",), ("status", "-o", "json"), ("plan",), ("up", "-d"), ("trigger", "hello"), ("drill", "worker")]
)
def test_an_agent_that_hangs_is_no_mistake_of_airfleet(
    words: tuple[str, ...], project: Project, airfleet: Airfleet
) -> None:
    result = airfleet(*words)
    assert (result.code, result.out) == (4, "")
    assert result.err == (
        f"error: the agent of the fleet in {project.root} does not answer\n"
        f"hint: its log is {project.paths.log('agent')}\n"
    )


@pytest.mark.parametrize(("words", "seconds"), [((), 60.0), (("--drain", "7m"), 420.0)])
def test_a_foreground_up_gives_tasks_so_long_at_its_end(
    words: tuple[str, ...],
    seconds: float,
    agent_says: Callable,
    airfleet: Airfleet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "start", lambda *_, **__: 4711)
    with agent_says(snapshot(STARTING, state="starting")) as agent:
        assert airfleet("up", "--timeout", "0.1s", *words).code == 124
    assert [order["seconds"] for order in agent.orders if order["do"] == "stop"] == [seconds]


def test_a_fleet_that_runs_already_is_refused_unless_it_is_to_be_adopted(
    agent_says: Callable, airfleet: Airfleet, told_to_start: list[Path], project: Project
) -> None:
    with agent_says(snapshot(SCHEDULER, state="starting")) as agent:
        refused = airfleet("up")
        assert "is already running" in refused.err
        assert agent.orders == []
        adopted = airfleet("up", "--adopt", "--timeout", "0.1s")
    assert "it runs already, and is kept from now on" in adopted.err
    assert adopted.code == 124
    assert [order["do"] for order in agent.orders] == ["stop"]  # it is this command's now
    assert told_to_start == [project.root] * 2


def test_an_agent_that_does_not_answer_is_not_adopted(
    airfleet: Airfleet, told_to_start: list[Path], project: Project
) -> None:
    result = airfleet("up", "--adopt")
    assert result.code == 1
    assert "is already running" in result.err


@pytest.mark.parametrize("words", [("-d",), ("--hosts", "3")])
def test_a_fleet_that_is_left_alone_has_no_drain_of_its_own(words: tuple[str, ...], airfleet: Airfleet) -> None:
    result = airfleet("up", "--drain", "7m", *words)
    assert result.code == 2
    assert "'airfleet down --timeout' has it too" in result.err
