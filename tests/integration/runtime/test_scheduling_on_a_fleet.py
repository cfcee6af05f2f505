"""How the scheduler of a real fleet is woken, and what it does when what wakes it, or the broker, is gone."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import re
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers import secrets
from airfleet.metadata import channels, heartbeat_trigger, lost_attempts, notification_triggers, notifications, triggers
from airfleet.scheduler import attempt_rows, bulk_enqueue
from airfleet.scheduler.agenda import DUE
from airfleet.scheduler.job_runner import ANY_SCHEDULED
from airfleet.scheduler.lost_work import MINE
from airfleet.scheduler.run_choice import RUNNING_RUNS
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import Tiny

LINKS = 8
#: stock sleeps for a second between two looks; half of that is its mean
PROMPT_SECONDS = 0.4

CHAIN = f"""
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def nothing():
    pass


with DAG("links", schedule=None) as dag:
    previous = None
    for number in range({LINKS}):
        link = PythonOperator(task_id=f"link_{{number}}", python_callable=nothing)
        if previous:
            previous >> link
        previous = link
"""


@pytest.fixture
def database(running: Tiny) -> Iterator[psycopg.Connection[Any]]:
    """The fleet's metadata database, as Airflow sees it."""
    with connect(running.fleet) as connection:
        yield connection


def connect(fleet: FleetUnderTest) -> psycopg.Connection[Any]:
    password = secrets.load_or_generate(fleet.paths.secrets).airflow_password
    address = fleet.component("postgres").address
    return psycopg.connect(f"postgresql://airflow:{password}@{address}/airflow", autocommit=True)


def listeners(database: psycopg.Connection[Any]) -> list[int]:
    """Server processes of the connections that wait for notifications."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'airfleet wake-ups'"
    return [pid for (pid,) in database.execute(query).fetchall()]


def test_each_link_of_a_chain_follows_at_once(running: Tiny) -> None:
    fleet = running.fleet
    fleet.write("pipelines/links.py", CHAIN)
    fleet.wait_for_dag("links")
    run = fleet.trigger("links")
    assert fleet.wait_for_run("links", run) == "success"
    tasks = fleet.api.get("dags", "links", "dagRuns", run, "taskInstances")["task_instances"]
    tasks.sort(key=lambda task: task["start_date"])
    pauses = [
        (moment(after["scheduled_when"]) - moment(before["end_date"])).total_seconds()
        for before, after in itertools.pairwise(tasks)
    ]
    assert len(pauses) == LINKS - 1
    assert statistics.median(pauses) < PROMPT_SECONDS, pauses


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_an_idle_scheduler_rests(running: Tiny, database: psycopg.Connection[Any]) -> None:
    pid = running.fleet.component("scheduler").pid
    assert pid is not None
    before, began = cpu_seconds(pid), time.monotonic()
    commits = transactions(database)
    assert not wait_for_the_end_of(database, seconds=6.0)
    elapsed = time.monotonic() - began
    assert (cpu_seconds(pid) - before) / elapsed < 0.10
    # Loops without a pause would be hundreds a second.
    assert (transactions(database) - commits) / elapsed < 60


def test_a_scheduler_is_not_held_to_be_dead_by_a_clock_that_is_ahead(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    now = dt.datetime.now(dt.UTC)
    by_a_wrong_clock = now + dt.timedelta(seconds=120 - heartbeat_trigger.YOUNG_SECONDS)
    given_up = database.execute(
        "UPDATE job SET state = 'failed' WHERE job_type = 'SchedulerJob' AND state = 'running'"
        " AND latest_heartbeat < %s",
        (by_a_wrong_clock,),
    )
    assert given_up.rowcount == 0
    alive = "SELECT count(*) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'"
    assert database.execute(alive).fetchone() == (1,)


def wait_for_the_end_of(database: psycopg.Connection[Any], seconds: float) -> bool:
    """Whether the server ended this connection within these seconds."""
    return bool(list(database.notifies(timeout=seconds)))


def transactions(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = 'airflow'").fetchone()
    assert row is not None
    return int(row[0])


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def test_a_connection_that_listens_is_made_again_when_it_was_cut(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    before = wait_until(lambda: listeners(database), 20, "the scheduler listens")
    scheduler = running.fleet.component("scheduler").pid
    database.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (before,))
    assert running.runs_a_task("after the cut")
    assert wait_until(lambda: set(listeners(database)) - set(before), 30, "the scheduler listens again")
    assert running.fleet.component("scheduler").pid == scheduler


def test_a_broker_that_stands_still_delays_tasks_and_fails_none(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    fleet = running.fleet
    fleet.wait_for_dag("witness")
    broker = fleet.component("valkey").pid
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        words = [f"sent {number} while the broker stood still" for number in range(2)]
        runs = [fleet.trigger("witness", {"words": each}) for each in words]
        log = fleet.paths.logs / "scheduler.log"
        wait_until(lambda: "The broker cannot be reached" in log.read_text(), 40, "the scheduler notices")
        queued = "SELECT count(*) FROM task_instance WHERE run_id = ANY(%s) AND state = 'queued'"
        both = (len(runs),)
        wait_until(lambda: database.execute(queued, (runs,)).fetchone() == both, 20, "both tasks are queued")
    finally:
        if fleet.component("valkey").pid == broker:  # else the agent has replaced it
            os.kill(broker, signal.SIGCONT)
    assert [fleet.wait_for_run("witness", run) for run in runs] == ["success"] * len(runs)
    tries = "SELECT try_number FROM task_instance WHERE run_id = ANY(%s)"
    assert database.execute(tries, (runs,)).fetchall() == [(1,)] * len(runs)
    assert [running.ledger.lines().count(each) for each in words] == [1] * len(runs)


WAKING = ["success", "failed", "skipped", "up_for_retry", "up_for_reschedule", "deferred", None]
NOT_WAKING = ["queued", "running", "restarting"]


@pytest.mark.parametrize("state", [*WAKING, *NOT_WAKING])
def test_the_database_tells_of_states_that_the_scheduler_acts_upon(
    running: Tiny, database: psycopg.Connection[Any], state: str | None
) -> None:
    assert running.runs_a_task(f"for {state}")
    row = database.execute("SELECT id, dag_id, run_id FROM task_instance WHERE state = 'success' LIMIT 1").fetchone()
    assert row is not None
    ti_id, dag_id, run_id = row
    # On this host, what has no process would be called lost, and the scheduler would change it, too.
    database.execute("UPDATE task_instance SET hostname = 'elsewhere' WHERE id = %s", (ti_id,))
    change = "UPDATE task_instance SET state = %s WHERE id = %s"
    with connect(running.fleet) as hears:
        hears.execute(f"LISTEN {channels.TASKS}")
        with pytest.raises(ZeroDivisionError), database.transaction():
            database.execute(change, (state, ti_id))
            raise ZeroDivisionError  # what is rolled back is not told
        database.execute(change, ("scheduled", ti_id))
        assert heard(hears, dag_id, run_id)
        with database.transaction():
            database.execute(change, (state, ti_id))
        assert heard(hears, dag_id, run_id) is (state not in NOT_WAKING)
        database.execute(change, ("success", ti_id))


@pytest.mark.parametrize(("state", "told"), [("success", False), ("queued", True), ("running", True)])
def test_a_run_that_is_made_is_told_of_when_something_is_to_be_done(
    running: Tiny, database: psycopg.Connection[Any], state: str, told: bool
) -> None:
    """History that is brought back, a hundred thousand runs perhaps, is no news."""
    assert running.runs_a_task(f"before {state}")
    columns = "dag_id, logical_date, run_id, state, run_type, run_after, creating_job_id, log_template_id, clear_number"
    copied = f"""INSERT INTO dag_run ({columns})
        SELECT dag_id, NULL, run_id || %(suffix)s, %(state)s, run_type, 'infinity', creating_job_id, log_template_id, 0
        FROM dag_run LIMIT 1 RETURNING dag_id, run_id"""
    with connect(running.fleet) as hears:
        hears.execute(f"LISTEN {channels.RUNS}")
        row = database.execute(copied, {"suffix": f"-{state}", "state": state}).fetchone()
        assert row is not None
        assert heard(hears, *row) is told
        database.execute("DELETE FROM dag_run WHERE dag_id = %s AND run_id = %s", row)


#: what is asked again and again, of tables that only grow -> its parameters
ASKED_AGAIN: dict[str, Any] = {
    DUE: (heartbeat_trigger.YOUNG_SECONDS,),
    MINE: (1,),
    ANY_SCHEDULED: None,
    RUNNING_RUNS: None,
    re.sub(r"(?<!:):(\w+)", r"%(\1)s", bulk_enqueue.CHOOSE): {"most": 16, "job_id": 1, "now": dt.datetime.now(dt.UTC)},
    attempt_rows.ROWS: ([],),
    lost_attempts.RUNNING_HERE: ("here",),
}


@pytest.mark.parametrize("query", ASKED_AGAIN)
def test_what_is_asked_again_and_again_reads_no_history(
    running: Tiny, database: psycopg.Connection[Any], query: str
) -> None:
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL enable_seqscan = off")  # so small a table would be read as a whole
        plan = "\n".join(row[0] for row in database.execute(f"EXPLAIN {query}", ASKED_AGAIN[query]).fetchall())  # type: ignore[arg-type]
    assert "Scan" in plan
    assert "Seq Scan on task_instance" not in plan
    assert "Seq Scan on dag_run" not in plan
    assert "Seq Scan on job" not in plan


def test_news_that_arrive_with_the_answer_to_a_question_are_heard(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    info = database.info
    listener = notifications.NotificationListener(
        f"host={info.host} port={info.port} dbname={info.dbname} user={info.user} password={info.password}"
    )
    try:
        listener.wait(0)
        listener.take()
        listener.fetch("SELECT pg_notify('airfleet_tasks', 'a' || chr(31) || 'b')")
        assert listener.has_news
        assert listener.take().changed >= {("a", "b")}
    finally:
        listener.close()


def test_a_report_about_a_release_ends_a_wait_and_is_no_reason_for_a_pass(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    info = database.info
    listener = notifications.NotificationListener(
        f"host={info.host} port={info.port} dbname={info.dbname} user={info.user} password={info.password}"
    )
    try:
        listener.wait(0)
        listener.take()
        database.execute("SELECT pg_notify('airfleet_releases', 'host 3f2a9c')")
        listener.wait(10)
        assert listener.take_releases() == ("host 3f2a9c",)
        assert listener.take_releases() == ()
        assert not listener.has_news
    finally:
        listener.close()


def heard(connection: psycopg.Connection[Any], dag_id: str, run_id: str) -> bool:
    """Whether the run was named since the last call."""
    connection.execute("SELECT 1")
    return f"{dag_id}\x1f{run_id}" in [note.payload for note in connection.notifies(timeout=0.2)]


def test_triggers_are_made_once_and_can_be_taken_away(running: Tiny, database: psycopg.Connection[Any]) -> None:
    assert notification_triggers.installed(database)
    assert not notification_triggers.install(database)
    with pytest.raises(ZeroDivisionError), database.transaction():
        notification_triggers.remove(database)
        assert not notification_triggers.installed(database)
        assert notification_triggers.install(database)
        assert notification_triggers.installed(database)
        raise ZeroDivisionError


def test_triggers_that_somebody_took_away_are_put_back_while_the_fleet_runs(
    running: Tiny, database: psycopg.Connection[Any]
) -> None:
    """As after a migration by hand, or by a host of another version."""
    log = running.fleet.paths.logs / "scheduler.log"
    triggers.remove(database)
    for pid in listeners(database):  # which looks at once when it connects, and else within half a minute
        database.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert running.runs_a_task("without triggers")
    wait_until(
        lambda: notification_triggers.installed(database) and heartbeat_trigger.installed(database),
        60,
        "they are put back",
    )
    assert "lost triggers of airfleet (notifications, heartbeats); they were restored" in log.read_text()
    assert wait_until(lambda: listeners(database), 60, "the scheduler listens again")


def test_a_scheduler_that_listens_looks_after_the_triggers(running: Tiny, database: psycopg.Connection[Any]) -> None:
    info, now = database.info, [0.0]
    url = f"host={info.host} port={info.port} dbname={info.dbname} user={info.user} password={info.password}"
    listener = notifications.NotificationListener(url, clock=lambda: now[0])
    try:
        listener.wait(0)
        listener.take()
        heartbeat_trigger.remove(database)
        listener.take()
        assert not heartbeat_trigger.installed(database)
        now[0] = notifications.LOOK_SECONDS
        assert listener.take().everything
        assert heartbeat_trigger.installed(database)
    finally:
        listener.close()
