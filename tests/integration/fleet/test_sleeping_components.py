"""A fleet whose components sleep: each is started when there is something to do, and counts as healthy meanwhile."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from airfleet.agent.states import State
from airfleet.drill.waiting import wait_until
from airfleet.metadata.channels import SLEEPERS
from airfleet.testing.fleet import FleetUnderTest
from support.pipelines import HELLO

FLEET = """\
name: sleepy
profile: small
flower: true
workers: [{slots: 1}]
"""
DEFERS = """\
dag_id: defers
schedule: null
start_date: 2026-01-01
tasks:
  - id: wait
    uses: airflow.providers.standard.sensors.time_delta.WaitSensor
    with: {time_to_wait: 1s, deferrable: true}
"""
ASLEEP_SECONDS, RUN_SECONDS = 60.0, 60.0
#: for a start of a component that slept, with room for a machine that is busy: 0.3 s when it is not
WAKE_SECONDS = 5.0


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    files = {"pipelines/hello.yaml": HELLO, "pipelines/defers.yaml": DEFERS}
    with FleetUnderTest.make(FLEET, files) as made:
        made.start()
        yield made


def wait_until_asleep(fleet: FleetUnderTest, name: str) -> None:
    wait_until(lambda: fleet.component(name).state is State.SLEEPING, ASLEEP_SECONDS, f"{name} sleeps")


def health(fleet: FleetUnderTest) -> dict[str, str]:
    """The states that Airflow's health, and so its UI, shows."""
    return {name: part["status"] for name, part in fleet.api.get("monitor/health").items()}


def running_jobs(fleet: FleetUnderTest, job_type: str) -> list[int]:
    url = fleet_database(fleet)
    with psycopg.connect(url) as db:
        query = "SELECT id FROM job WHERE job_type = %s AND state = 'running' ORDER BY id"
        return [row[0] for row in db.execute(query, (job_type,))]


def fleet_database(fleet: FleetUnderTest) -> str:
    from airfleet.client import host_plan

    return host_plan.database_url(fleet.project)


def test_a_deferred_task_starts_the_triggerer_that_has_slept_since_the_start(fleet: FleetUnderTest) -> None:
    assert fleet.component("triggerer").state is State.SLEEPING
    wait_until(lambda: health(fleet)["triggerer"] == "healthy", 30.0, "its health is shown")
    fleet.wait_for_dag("defers")
    assert fleet.wait_for_run("defers", fleet.trigger("defers"), RUN_SECONDS) == "success"
    assert fleet.component("triggerer").pid is not None
    assert len(running_jobs(fleet, "TriggererJob")) == 1, "the row of its sleep has ended"
    wait_until_asleep(fleet, "triggerer")
    assert fleet.wait_for_run("defers", fleet.trigger("defers"), RUN_SECONDS) == "success"


def test_an_edit_starts_the_dag_processor_which_parses_that_file_alone(fleet: FleetUnderTest) -> None:
    wait_until_asleep(fleet, "dag-processor")
    with psycopg.connect(fleet_database(fleet)) as db:
        parsed = "SELECT last_parsed_time FROM dag WHERE dag_id = 'defers'"
        before = db.execute(parsed).fetchone()
        fleet.write("pipelines/late.yaml", HELLO.replace("dag_id: hello", "dag_id: late"))
        fleet.wait_for_dag("late")
        db.rollback()
        assert db.execute(parsed).fetchone() == before
    assert fleet.wait_for_run("late", fleet.trigger("late"), RUN_SECONDS) == "success"


def test_a_person_who_asks_for_a_parse_gets_it(fleet: FleetUnderTest) -> None:
    wait_until_asleep(fleet, "dag-processor")
    token = fleet.api.get("dags/hello/details")["file_token"]
    before = fleet.api.get("dags/hello/details")["last_parsed_time"]
    fleet.api._authorised("PUT", f"/api/v2/parseDagFile/{quote(token)}", {}, repeatable=True)
    wait_until(
        lambda: fleet.api.get("dags/hello/details")["last_parsed_time"] != before, 10 * WAKE_SECONDS, "it is parsed"
    )


@pytest.mark.long
def test_those_that_sleep_are_healthy_for_airflow_and_for_us(fleet: FleetUnderTest) -> None:
    for name in ("triggerer", "dag-processor"):
        wait_until_asleep(fleet, name)
    slept = time.monotonic()
    # Longer than the heartbeat of a process that is dead would count.
    wait_until(lambda: time.monotonic() - slept > 35.0, 60.0, "they have slept for a while", pause_seconds=1.0)
    assert set(health(fleet).values()) == {"healthy"}
    status = fleet.airfleet("status")
    assert status.returncode == 0
    assert "sleeping" in status.stdout
    assert fleet.airfleet("doctor", "-o", "json").returncode in (0, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO trigger (classpath, kwargs, created_date, queue) VALUES ('a.B', '{}', now(), 'nobody')",
        "INSERT INTO dag_priority_parsing_request (id, bundle_name, relative_fileloc) VALUES ('x', 'other', 'x.yaml')",
        "UPDATE job SET state = 'failed', end_date = now() WHERE hostname = 'dead'",
    ],
    ids=["trigger", "request", "a triggerer that is no more, which may have left triggers"],
)
def test_agents_of_all_hosts_are_notified_of_work(fleet: FleetUnderTest, statement: str) -> None:
    with (
        psycopg.connect(fleet_database(fleet), autocommit=True) as agent,
        psycopg.connect(fleet_database(fleet), autocommit=True) as other,
    ):
        other.execute("INSERT INTO job (job_type, state, hostname) VALUES ('TriggererJob', 'running', 'dead')")
        agent.execute(f"LISTEN {SLEEPERS}".encode())
        other.execute(statement.encode())
        try:
            assert next(agent.notifies(timeout=10.0, stop_after=1)).channel == SLEEPERS
        finally:
            other.execute("DELETE FROM job WHERE hostname = 'dead'")
            other.execute("DELETE FROM trigger WHERE classpath = 'a.B'")
            other.execute("DELETE FROM dag_priority_parsing_request WHERE id = 'x'")


def test_whoever_looks_at_flower_starts_it_and_is_answered(fleet: FleetUnderTest) -> None:
    flower = fleet.component("flower")
    assert flower.state is State.SLEEPING
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://{flower.address}/workers", timeout=30.0)
    wait_until(lambda: fleet.component("flower").state is State.READY, 30.0, "it runs")


def test_one_that_is_killed_is_dead_and_starts_again(fleet: FleetUnderTest) -> None:
    fleet.write("pipelines/late.yaml", HELLO.replace("dag_id: hello", "dag_id: later"))
    fleet.wait_for_dag("later")
    wait_until(lambda: fleet.component("dag-processor").pid is not None, WAKE_SECONDS, "it runs")
    killed = fleet.kill("dag-processor")
    wait_until(lambda: fleet.component("dag-processor").pid not in (None, killed), 30.0, "another process of it runs")


@pytest.mark.long
def test_an_agent_that_was_killed_while_they_slept_leaves_nothing_that_does_not_wake(fleet: FleetUnderTest) -> None:
    wait_until_asleep(fleet, "triggerer")
    os.kill(fleet.snapshot().pid, signal.SIGKILL)
    wait_until(lambda: not fleet.is_running(), 10.0, "the agent is gone")
    fleet.start()
    assert fleet.wait_for_run("defers", fleet.trigger("defers"), RUN_SECONDS) == "success"
