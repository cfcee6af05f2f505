"""On a real PostgreSQL: who is alive is told by its clock, whatever the clocks of hosts say, and by their table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from airfleet.agent.recovery import job_fencing
from airfleet.metadata import heartbeat_trigger
from support import silent_attempts
from support.beside_airflow import told_by
from support.databases import NewDatabase

#: what Airflow says of schedulers that it holds to be dead, by a clock that is two minutes ahead
GIVEN_UP: LiteralString = (
    "UPDATE job SET state = 'failed' WHERE job_type = 'SchedulerJob' AND state = 'running'"
    " AND latest_heartbeat < now() + interval '120 s' - interval '15 s'"
)
AGE: LiteralString = "SELECT extract(epoch FROM clock_timestamp() - latest_heartbeat)::float FROM job WHERE id = %s"


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database("heartbeats"), autocommit=True) as db:
        db.execute(
            "CREATE TABLE job (id serial PRIMARY KEY, job_type text, hostname text, state text, end_date timestamptz,"
            " latest_heartbeat timestamptz)"
        )
        for _ in range(2):  # it may be there already
            heartbeat_trigger.install(db)
        yield db


def begin(database: psycopg.Connection[Any], skew: str = "0 s") -> int:
    """The row of a scheduler that starts on a host whose clock is off."""
    row = database.execute(
        "INSERT INTO job (job_type, hostname, state, latest_heartbeat)"
        " VALUES ('SchedulerJob', 'far', 'running', now() + %s::interval) RETURNING id",
        (skew,),
    ).fetchone()
    assert row
    return int(row[0])


def age(database: psycopg.Connection[Any], job: int) -> float:
    row = database.execute(AGE, (job,)).fetchone()
    assert row
    return float(row[0])


def state(database: psycopg.Connection[Any], job: int) -> str:
    row = database.execute("SELECT state FROM job WHERE id = %s", (job,)).fetchone()
    assert row
    return str(row[0])


def let_it_be_silent(database: psycopg.Connection[Any], job: int, seconds: float) -> None:
    """As time would, which nobody else can do."""
    with database.transaction():
        database.execute("ALTER TABLE job DISABLE TRIGGER USER")
        database.execute("UPDATE job SET latest_heartbeat = now() - make_interval(secs => %s)", (seconds,))
        database.execute("ALTER TABLE job ENABLE TRIGGER USER")
    assert age(database, job) > seconds


@pytest.mark.parametrize("skew", ["-120 s", "0 s", "120 s"])
def test_a_heartbeat_is_of_the_moment_when_it_is_heard(database: psycopg.Connection[Any], skew: str) -> None:
    job = begin(database, skew)
    assert 0 <= age(database, job) < 5
    let_it_be_silent(database, job, 9.0)
    database.execute("UPDATE job SET latest_heartbeat = now() + %s::interval WHERE id = %s", (skew, job))
    assert 0 <= age(database, job) < 5


def test_what_tells_nothing_of_life_makes_no_heartbeat_younger(database: psycopg.Connection[Any]) -> None:
    job = begin(database)
    let_it_be_silent(database, job, 9.0)
    database.execute("UPDATE job SET hostname = 'near' WHERE id = %s", (job,))
    assert age(database, job) > 9


def test_the_living_are_not_given_up_by_a_clock_that_is_ahead(database: psycopg.Connection[Any]) -> None:
    job = begin(database)
    assert database.execute(GIVEN_UP).rowcount == 0
    assert state(database, job) == "running"
    let_it_be_silent(database, job, heartbeat_trigger.YOUNG_SECONDS - 5.0)
    assert database.execute(GIVEN_UP).rowcount == 0
    let_it_be_silent(database, job, heartbeat_trigger.YOUNG_SECONDS + 1.0)
    assert database.execute(GIVEN_UP).rowcount == 1
    assert state(database, job) == "failed"


def test_who_knows_of_an_end_is_believed(database: psycopg.Connection[Any]) -> None:
    one, other, third = begin(database), begin(database), begin(database)
    assert database.execute(job_fencing.FENCE, (one,)).fetchall() == [(one,)]
    database.execute("UPDATE job SET state = 'failed', end_date = now() WHERE id = %s", (other,))
    database.execute("UPDATE job SET state = 'success' WHERE id = %s", (third,))
    assert [state(database, job) for job in (one, other, third)] == ["failed", "failed", "success"]


def test_nothing_of_it_is_left_when_it_is_taken_away(database: psycopg.Connection[Any]) -> None:
    heartbeat_trigger.remove(database)
    job = begin(database)
    assert database.execute(GIVEN_UP).rowcount == 1
    assert state(database, job) == "failed"
    heartbeat_trigger.remove(database)


@pytest.fixture(scope="module")
def given_up(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The silent attempts that a scheduler finds."""
    folder = tmp_path_factory.mktemp("silent-attempts")
    hostname = {"AIRFLOW__CORE__HOSTNAME_CALLABLE": "airfleet.system.host_name.host"}
    found: dict[str, list[str]] = told_by("support.silent_attempts", silent_attempts.DAG, folder, **hostname)
    return found


def test_attempts_of_a_host_that_nobody_took_over_are_not_given_up_for_being_silent(
    given_up: dict[str, list[str]],
) -> None:
    assert given_up["hosts"] == ["given_up", "of_a_former_life", "of_no_host", "taken_over"]


@pytest.mark.parametrize("fleet", ["no table", "an empty table", "no hosts any more"])
def test_without_hosts_the_age_of_a_heartbeat_is_what_there_is(given_up: dict[str, list[str]], fleet: str) -> None:
    assert given_up[fleet] == sorted(set(silent_attempts.ATTEMPTS) - {"heard"})
