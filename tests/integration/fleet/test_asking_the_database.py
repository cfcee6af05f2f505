"""Questions about a component that go to a real database, whose connections may be cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from airfleet.agent import health
from airfleet.agent.health import WELL, Subject, Verdict
from airfleet.fleet.plan import JobBeats
from airfleet.testing.servers import Servers

PROBE = JobBeats("SchedulerJob", late_seconds=30)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("health")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    with Servers(folder / "servers") as servers:
        made = servers.database("asked")
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE job (job_type text, state text, start_date timestamptz, latest_heartbeat timestamptz)"
            )
        yield made


@pytest.fixture
def database(url: str) -> Iterator[health.Database]:
    made = health.Database(url)
    yield made
    made.close()


def end_connections(url: str) -> int:
    """End every connection of the agent's; how many there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'airfleet health'"
        return len(connection.execute(query).fetchall())


def test_a_job_is_well_when_its_heartbeat_is_young(url: str, database: health.Database) -> None:
    subject = Subject(1, time.time(), database)
    assert health.ask(PROBE, subject) == Verdict(False, "has not written its first heartbeat yet")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO job VALUES ('SchedulerJob', 'running', now(), now())")
        assert health.ask(PROBE, subject) == WELL
        connection.execute("UPDATE job SET latest_heartbeat = now() - interval '40 s'")
    assert health.ask(PROBE, subject) == Verdict(False, "its last heartbeat is 40 s old")


def test_one_connection_serves_all_questions_from_all_threads(url: str, database: health.Database) -> None:
    asked = [threading.Thread(target=lambda: database.row("SELECT 1", ())) for _ in range(8)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert end_connections(url) == 1


def test_a_connection_that_was_cut_is_made_again(url: str, database: health.Database) -> None:
    assert database.row("SELECT 1", ()) == (1,)
    assert end_connections(url) == 1
    assert database.row("SELECT 2", ()) == (2,)


def test_a_database_that_is_not_there_is_a_sentence() -> None:
    subject = Subject(1, time.time(), health.Database("postgresql://a:s3cret@127.0.0.1:9/a"))
    verdict = health.ask(PROBE, subject)
    assert not verdict.well
    assert "refused" in verdict.reason
    assert "s3cret" not in verdict.reason
