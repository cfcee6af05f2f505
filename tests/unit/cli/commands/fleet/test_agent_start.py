"""Starting an agent and waiting for its fleet: changes are said once, failures with their reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent import launch
from airfleet.agent.database.finding import DatabaseVerdict
from airfleet.agent.states import State
from airfleet.cli.commands.fleet import agent_start
from airfleet.client.project import Project
from airfleet.errors import FleetError, WaitTimedOut
from support.fake_agent import POSTGRES, READY, component, snapshot

FAR = 1e9


WAITING = component("postgres", State.WAITING, started_after=None)


STARTING = component("postgres", State.STARTING, started_after=None)


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


def test_where_a_component_says_nothing_its_log_file_does(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("a\nb\n")
    dead = component("worker", State.GAVE_UP, log=str(log))
    assert str(agent_start.failure(project, snapshot(dead, state="failed"))) == (
        f"worker did not start: it ended at once\n    a\n    b\nhint: the whole log is {log}"
    )


def found(verdict: DatabaseVerdict, sentence: str, hint: str = "") -> dict[str, str]:
    return {"verdict": str(verdict), "sentence": sentence, "hint": hint}


def test_what_is_wrong_with_the_database_is_said_and_nothing_else(project: Project) -> None:
    standby = found(DatabaseVerdict.REFUSED, "the database is a standby, which takes no writes", "name the primary")
    last = snapshot(WAITING, state="failed", database=standby)
    failed = agent_start.failure(project, last)
    assert str(failed) == "the database is a standby, which takes no writes\nhint: name the primary"
    assert not isinstance(failed, agent_start.NeedsMigration)


def test_a_database_that_stays_away_is_said_when_it_is_too_late() -> None:
    away = found(DatabaseVerdict.WAIT, "the database does not answer: connection refused")
    late = agent_start.too_late(snapshot(WAITING, state="starting", database=away), 120)
    assert str(late) == (
        "not healthy within 2m00s: the database does not answer: connection refused\n"
        "hint: 'database:' in fleet.yaml says where it is; 'airfleet up' waits for it until --timeout"
    )
