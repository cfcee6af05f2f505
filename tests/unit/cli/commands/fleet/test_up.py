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
from airfleet.agent.database.finding import Verdict
from airfleet.agent.states import State
from airfleet.cli.commands.fleet import agent_start
from airfleet.cli.output import progress
from airfleet.client import shutdown_lock
from airfleet.client.project import Project
from airfleet.errors import FleetError, WaitTimedOut
from support.command_line import Airfleet
from support.fake_agent import component, snapshot

FAR = 1e9

WAITING = component("postgres", State.WAITING, started_after=None)
STARTING = component("postgres", State.STARTING, started_after=None)
POSTGRES = component("postgres", started_after=1.2)
SCHEDULER = component("scheduler", started_after=4.06, address="127.0.0.1:8974")
READY = snapshot(
    POSTGRES,
    SCHEDULER,
    url="http://127.0.0.1:8080",
    user="admin",
    password_file="/shop/.airfleet/password",
    elapsed=8.2,
)


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


def test_waiting_says_each_change_once_with_the_seconds_since_the_start(
    project: Project, agent_says: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    script = (
        snapshot(WAITING, state="starting", elapsed=0.1),
        snapshot(STARTING, state="starting", elapsed=0.4),
        snapshot(STARTING, state="starting", elapsed=0.9),
        snapshot(POSTGRES, state="starting", elapsed=1.6),
        READY,
    )
    with agent_says(*script):
        assert agent_start.wait_until_ready(project, FAR, 120) == READY
    assert capsys.readouterr().err == (
        "    0.1s  postgres  waiting\n"
        "    0.4s  postgres  starting\n"
        "    1.6s  postgres  healthy (after 1.2s)\n"
        "    8.2s  scheduler  healthy (after 4.1s)\n"
    )


def test_a_component_that_does_not_start_is_named_with_its_reason_and_last_lines(
    project: Project, agent_says: Callable
) -> None:
    dead = component(
        "scheduler",
        State.GAVE_UP,
        reason="it ended with exit code 1, five times",
        last_lines=("Traceback", "ImportError: no module named 'shop'"),
        log="/shop/.airfleet/logs/scheduler.log",
    )
    with (
        agent_says(snapshot(POSTGRES, dead, state="failed", problem="scheduler failed")),
        pytest.raises(FleetError) as failed,
    ):
        agent_start.wait_until_ready(project, FAR, 120)
    assert str(failed.value) == (
        "scheduler did not start: it ended with exit code 1, five times\n"
        "    Traceback\n"
        "    ImportError: no module named 'shop'\n"
        "hint: the whole log is /shop/.airfleet/logs/scheduler.log"
    )


def test_an_agent_that_ends_while_starting_shows_the_end_of_its_own_log(project: Project, agent_says: Callable) -> None:
    log = project.paths.log("agent")
    log.parent.mkdir(parents=True)
    log.write_text("one\nOSError: no room\n")
    with agent_says(snapshot(STARTING, state="starting")) as agent:
        agent.gone.set()
        with pytest.raises(FleetError) as failed:
            agent_start.wait_until_ready(project, FAR, 120)
    assert str(failed.value) == (
        f"the agent ended while the fleet was starting\n    one\n    OSError: no room\nhint: the agent's log is {log}"
    )


def test_too_late_names_what_is_not_ready_and_the_log_of_what_is_starting(
    project: Project, agent_says: Callable
) -> None:
    scheduler = component("scheduler", State.WAITING, started_after=None, reason="waits for postgres")
    with agent_says(snapshot(scheduler, STARTING, state="starting")), pytest.raises(WaitTimedOut) as late:
        agent_start.wait_until_ready(project, 0.0, 120)
    assert str(late.value) == (
        "not healthy within 2m00s: scheduler (waiting: waits for postgres), postgres (starting) are not ready\n"
        "hint: airfleet logs postgres"
    )


def test_too_late_because_a_component_dies_again_and_again_shows_its_last_lines(
    project: Project, agent_says: Callable, tmp_path: Path
) -> None:
    log = tmp_path / "scheduler.log"
    log.write_text("Traceback\nConnectionRefusedError: no broker\n")
    dying = component("scheduler", State.BACKOFF, reason="ended with exit code 1", log=str(log))
    with agent_says(snapshot(STARTING, dying, state="starting")), pytest.raises(WaitTimedOut) as late:
        agent_start.wait_until_ready(project, 0.0, 120)
    assert str(late.value) == (
        "not healthy within 2m00s: postgres (starting), scheduler (restarting: ended with exit code 1) are not ready\n"
        "the end of scheduler's log:\n"
        "    Traceback\n"
        "    ConnectionRefusedError: no broker\n"
        "hint: airfleet logs scheduler"
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


def test_settings_of_airflow_in_the_environment_are_said_to_set_nothing() -> None:
    environ = {"AIRFLOW__CORE__PARALLELISM": "3", "AIRFLOW_CONN_A": "http://a", "AIRFLEET_TOKEN": "hush", "HOME": "/h"}
    assert launch.without_airflow_settings(environ) == {"AIRFLOW_CONN_A": "http://a", "HOME": "/h"}
    assert agent_start.left_out(launch.left_out(environ)) == (
        "not used: AIRFLOW__CORE__PARALLELISM of this environment; Airflow's settings have their place under "
        "'airflow:' in fleet.yaml"
    )
    assert agent_start.left_out(("A", "B", "C", "D", "E")).startswith(
        "not used: A, B, C and 2 more of this environment; "
    )


def test_a_live_list_keeps_the_last_picture_and_moves_its_clocks_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    view = progress.LiveList(lambda: now[0])
    view.show([progress.Item("postgres", "starting", "busy", seconds=1.0, ticking=True)], 1.0)
    now[0] = 2.5
    view.tick()
    view.close()
    assert capsys.readouterr().err.splitlines()[-1].split() == ["›", "postgres", "starting", "3.5s"]


def test_a_list_longer_than_the_screen_shows_what_matters_and_counts_the_rest() -> None:
    items = [progress.Item(f"t{n}", "success", "good") for n in range(10)]
    items[7] = progress.Item("t7", "failed", "bad")
    shown, rest = progress.fitting(items, 4)
    assert [item.name for item in shown] == ["t0", "t1", "t7"]
    assert rest == "and 7 success"


def test_follow_gives_the_agents_mistakes_to_the_caller() -> None:
    from airfleet.client.snapshot_stream import follow

    def broken() -> object:
        yield READY
        raise ValueError("not a snapshot")

    seen = follow(broken())  # type: ignore[arg-type]
    assert next(seen) == READY
    with pytest.raises(ValueError, match="not a snapshot"):
        list(seen)


def test_where_a_component_says_nothing_its_log_file_does(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("a\nb\n")
    dead = component("worker", State.GAVE_UP, log=str(log))
    assert str(agent_start.failure(project, snapshot(dead, state="failed"))) == (
        f"worker did not start: it ended at once\n    a\n    b\nhint: the whole log is {log}"
    )


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


def found(verdict: Verdict, sentence: str, hint: str = "") -> dict[str, str]:
    return {"verdict": str(verdict), "sentence": sentence, "hint": hint}


def test_what_is_wrong_with_the_database_is_said_and_nothing_else(project: Project) -> None:
    standby = found(Verdict.REFUSED, "the database is a standby, which takes no writes", "name the primary")
    last = snapshot(WAITING, state="failed", database=standby)
    failed = agent_start.failure(project, last)
    assert str(failed) == "the database is a standby, which takes no writes\nhint: name the primary"
    assert not isinstance(failed, agent_start.NeedsMigration)


def test_a_database_that_stays_away_is_said_when_it_is_too_late() -> None:
    away = found(Verdict.WAIT, "the database does not answer: connection refused")
    late = agent_start.too_late(snapshot(WAITING, state="starting", database=away), 120)
    assert str(late) == (
        "not healthy within 2m00s: the database does not answer: connection refused\n"
        "hint: 'database:' in fleet.yaml says where it is; 'airfleet up' waits for it until --timeout"
    )


OLDER = found(Verdict.MIGRATION, "the database has the schema of Airflow 3.0.3", "then: airfleet up --migrate")


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
