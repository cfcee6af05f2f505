"""Questions about a component that go to a real database, whose connections may be cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from airfleet.agent.probes import component_probe
from airfleet.agent.probes.component_probe import ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.probes.results import WELL, Health, NoHeartbeat, unwell
from airfleet.fleet.planning.plan import HttpAnswers, JobBeats
from airfleet.spool import job_marks
from support.databases import NewDatabase

PROBE = JobBeats("SchedulerJob", late_seconds=30)
INSERT: LiteralString = (
    "INSERT INTO job (job_type, state, start_date, latest_heartbeat) VALUES ('SchedulerJob', 'running', now(), now())"
)
END: LiteralString = """\
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'airfleet health' AND datname = current_database()
"""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    made = new_database("asked")
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE job (id serial, job_type text, state text, start_date timestamptz,"
            " latest_heartbeat timestamptz)"
        )
    return made


@pytest.fixture
def database(url: str) -> Iterator[DatabaseConnection]:
    made = DatabaseConnection(url)
    yield made
    made.close()


def end_connections(url: str) -> int:
    """End every connection of the agent's to this database; how many there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(END).fetchall())


def test_a_job_is_well_when_its_heartbeat_is_young(url: str, database: DatabaseConnection) -> None:
    subject = ProbeSubject(1, time.time(), database)
    assert component_probe.ask(PROBE, subject) == unwell(NoHeartbeat())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(INSERT)
        assert component_probe.ask(PROBE, subject) == WELL
        connection.execute("UPDATE job SET latest_heartbeat = now() - interval '40 s'")
    late = component_probe.ask(PROBE, subject)
    assert (late.health, str(late.reason)) == (Health.UNWELL, "its last heartbeat is 40 s old")


def test_of_two_of_a_kind_each_is_asked_for_its_own_heartbeat(
    url: str, database: DatabaseConnection, tmp_path: Path
) -> None:
    probes = [JobBeats("SchedulerJob", file=str(tmp_path / f"{name}.job")) for name in ("scheduler", "scheduler-2")]
    subjects = [ProbeSubject(pid, time.time(), database, was_ready=True) for pid in (101, 102)]
    with psycopg.connect(url, autocommit=True) as connection:
        for probe, subject in zip(probes, subjects, strict=True):
            row = connection.execute(f"{INSERT} RETURNING id").fetchone()
            assert row
            assert component_probe.ask(probe, subject) == unwell(NoHeartbeat())
            job_marks.write_job(tmp_path, job_marks.JobMark(Path(probe.file).stem, subject.pid or 0, row[0]))
        assert [component_probe.ask(*one) for one in zip(probes, subjects, strict=True)] == [WELL, WELL]
        late = "UPDATE job SET latest_heartbeat = now() - interval '40 s' WHERE id = %s"
        connection.execute(late, (row[0],))
    first, second = (component_probe.ask(*one) for one in zip(probes, subjects, strict=True))
    assert first == WELL
    assert (second.health, str(second.reason)) == (Health.STALLED, "its last heartbeat is 40 s old")
    before = replace(subjects[0], pid=100)  # another process than that which wrote it down
    assert not component_probe.ask(probes[0], before).well


def test_a_server_stalls_only_while_the_database_is_not(database: DatabaseConnection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        probe = HttpAnswers((f"http://127.0.0.1:{listener.getsockname()[1]}/",))
    ready = ProbeSubject(1, time.time(), database, was_ready=True)
    gone = DatabaseConnection("postgresql://a:s3cret@127.0.0.1:9/a")
    assert component_probe.ask(probe, ready).health is Health.STALLED
    assert component_probe.ask(probe, replace(ready, was_ready=False)).health is Health.UNWELL
    assert component_probe.ask(probe, replace(ready, database=gone)).health is Health.UNWELL


def test_one_connection_serves_all_questions_from_all_threads(url: str, database: DatabaseConnection) -> None:
    asked = [threading.Thread(target=lambda: database.row("SELECT 1", ())) for _ in range(8)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert end_connections(url) == 1


def test_a_connection_that_was_cut_is_made_again(url: str, database: DatabaseConnection) -> None:
    assert database.row("SELECT 1", ()) == (1,)
    assert end_connections(url) == 1
    assert database.row("SELECT 2", ()) == (2,)


def test_a_database_that_is_not_there_is_a_sentence() -> None:
    subject = ProbeSubject(1, time.time(), DatabaseConnection("postgresql://a:s3cret@127.0.0.1:9/a"))
    result = component_probe.ask(PROBE, subject)
    assert not result.well
    assert "refused" in str(result.reason)
    assert "s3cret" not in str(result.reason)
