"""What the database is told about outages and silent clients, on a real server."""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from airfleet.agent.supervisor.database_gate import PAUSE_SECONDS, DatabaseProbe
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import Component, Exec
from airfleet.metadata import api_availability
from airfleet.metadata.api_availability import Presence
from airfleet.metadata.migrations import runner
from airfleet.system import connection_timeouts
from airfleet.testing.servers import POSTGRES_SERVER, Servers
from faultlab.injectors.small_disk import fill, make_room, small_disk
from support.toy_agent import toy


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("discipline")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    with Servers(folder / "servers") as made:
        made.database("airflow")
        yield made


@pytest.fixture
def connection(servers: Servers) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(servers.database_url("airflow"), autocommit=True, **connection_timeouts.CLIENT) as made:
        yield made


@pytest.fixture
def engine(servers: Servers) -> Iterator[Engine]:
    url = servers.database_url("airflow").replace("postgresql://", "postgresql+psycopg://")
    made = create_engine(url, connect_args=connection_timeouts.CONNECT_ARGS)
    yield made
    made.dispose()


def test_a_client_does_not_wait_for_a_silent_server(connection: psycopg.Connection[Any]) -> None:
    told = connection.info.get_parameters()
    assert {name: told[name] for name in connection_timeouts.CLIENT} == {
        name: str(value) for name, value in connection_timeouts.CLIENT.items()
    }


def test_a_server_does_not_wait_for_a_silent_client(servers: Servers, connection: psycopg.Connection[Any]) -> None:
    connection_timeouts.settle(connection)
    connection_timeouts.settle(connection)  # once more changes nothing
    with psycopg.connect(servers.database_url("airflow"), autocommit=True) as later:
        query = "SELECT name, setting, unit FROM pg_settings WHERE name = ANY(%s)"
        found = {
            name: f"{value}{unit or ''}"
            for name, value, unit in later.execute(query, (list(connection_timeouts.SERVER),))
        }
    assert found == {
        "tcp_keepalives_idle": "3s",
        "tcp_keepalives_interval": "1s",
        "tcp_keepalives_count": "4",
        "tcp_user_timeout": "7000ms",
        "idle_in_transaction_session_timeout": "60000ms",
        "client_connection_check_interval": "2000ms",
    }


def test_who_forgets_its_transaction_loses_its_locks(servers: Servers, connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE slots (free int)")
    connection.execute("INSERT INTO slots VALUES (1)")
    with closing(psycopg.connect(servers.database_url("airflow"))) as stopped:
        stopped.execute("SET idle_in_transaction_session_timeout = '300ms'")
        stopped.execute("SELECT * FROM slots FOR UPDATE")
        connection.execute("SET lock_timeout = '5s'")
        began = time.monotonic()
        assert connection.execute("SELECT * FROM slots FOR UPDATE").fetchall() == [(1,)]
        assert time.monotonic() - began < 3.0


def test_since_when_heartbeats_can_be_delivered(engine: Engine, connection: psycopg.Connection[Any]) -> None:
    with Session(engine) as session:
        assert api_availability.read(session) is None  # no table: nobody would say anything
        runner.apply(connection)
        session.rollback()
        assert api_availability.read(session) == Presence(since_seconds=0.0, silent_seconds=math.inf)
        api_availability.say(engine)
        assert age(session) == (0, 0)

        passed(connection, api_availability.BEAT_SECONDS)
        api_availability.say(engine)
        assert age(session) == (5, 0)
        api_availability.say(engine)  # another api-server, a moment later: nothing is written
        assert age(session) == (5, 0)

        passed(connection, api_availability.GAP_SECONDS + 10)
        assert age(session) == (30, 25)
        api_availability.say(engine)
        assert age(session) == (0, 0)


def test_it_is_said_when_a_heartbeat_was_delivered(engine: Engine, connection: psycopg.Connection[Any]) -> None:
    runner.apply(connection)
    connection.execute("DELETE FROM airfleet_api")
    api_availability.keep_saying(engine)
    with Session(engine) as session:
        api_availability.hear()

        def said() -> bool:
            session.rollback()
            found = api_availability.read(session)
            return found is not None and found.silent_seconds < api_availability.GAP_SECONDS

        wait_until(said, 5, "it is said", pause_seconds=0.02)


def passed(connection: psycopg.Connection[Any], seconds: float) -> None:
    """As if what is stored had been stored some seconds earlier."""
    past = b"- make_interval(secs => %s)"
    query = b"UPDATE airfleet_api SET since = since " + past + b", beat = beat " + past
    connection.execute(query, (seconds, seconds))


def age(session: Session) -> tuple[int, int]:
    session.rollback()
    found = api_availability.read(session)
    assert found is not None
    return round(found.since_seconds), round(found.silent_seconds)


def test_a_database_that_is_away_is_asked_until_it_is_back(servers: Servers) -> None:
    answered = threading.Event()
    watch = DatabaseProbe(servers.database_url("airflow"), answered.set)

    def back(since: float) -> bool:
        return watch.answered_since(since, time.monotonic())

    began = time.monotonic()
    assert not back(began)  # it was not asked yet
    assert answered.wait(10)
    assert back(began)
    assert not watch.trouble

    servers.crash(POSTGRES_SERVER)
    died = time.monotonic()
    wait_until(lambda: not back(died) and watch.trouble, 10, "the database is found away", pause_seconds=0.02)
    assert "refused" in watch.trouble
    servers.start_again(POSTGRES_SERVER)
    began = time.monotonic()
    wait_until(lambda: back(died), 10, "the database is found again", pause_seconds=0.02)
    assert time.monotonic() - began < 4 * PAUSE_SECONDS
    assert watch.trouble == ""


@pytest.mark.needs("root")  # who may mount a disk
def test_a_database_whose_disk_is_full_is_of_no_use_until_there_is_room(tmp_path: Path) -> None:
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    servers = Servers(tmp_path / "servers")
    with small_disk(tmp_path / "servers" / POSTGRES_SERVER, 200), servers:
        watch = DatabaseProbe(servers.database("airflow"), lambda: None)
        began = time.monotonic()
        # Whoever is the first to connect writes down what PostgreSQL wants to know of a database.
        wait_until(lambda: watch.answered_since(began, time.monotonic()), 10, "it is well")
        died = time.monotonic()
        fill(servers.postgres_data)
        wait_until(lambda: not watch.answered_since(died, time.monotonic()) and watch.trouble, 10, "it is found full")
        assert os.strerror(errno.ENOSPC) in watch.trouble
        make_room(servers.postgres_data)
        wait_until(lambda: watch.answered_since(died, time.monotonic()), 10, "it takes something again")
        assert watch.trouble == ""


def test_a_database_that_lets_nobody_make_a_temporary_table_counts_as_well_when_it_answers(servers: Servers) -> None:
    with psycopg.connect(servers.database_url("airflow"), autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        connection.execute("REVOKE TEMPORARY ON DATABASE airflow FROM PUBLIC")
        try:
            address = urlsplit(servers.database_url("airflow"))
            watch = DatabaseProbe(f"postgresql://plain:plain@{address.hostname}:{address.port}/airflow", lambda: None)
            died = time.monotonic()
            wait_until(lambda: watch.answered_since(died, time.monotonic()), 10, "it answers")
            assert watch.trouble == ""
        finally:
            connection.execute("GRANT TEMPORARY ON DATABASE airflow TO PUBLIC")
            connection.execute("DROP ROLE plain")


def test_a_component_that_dies_of_the_database_waits_for_it_and_is_not_given_up(servers: Servers) -> None:
    address = urlsplit(servers.database_url("airflow"))
    lives_by_it = f"while (exec 3<>/dev/tcp/{address.hostname}/{address.port}); do sleep 0.02; done; exit 1"
    component = Component("scheduler", "scheduler", Exec(("/bin/bash", "-c", lives_by_it)))
    with toy(component, database_url=servers.database_url("airflow")) as running:
        running.wait(lambda now: now.healthy, "it runs")
        servers.crash(POSTGRES_SERVER)
        waiting = running.wait(lambda now: "waits for" in now.components[0].reason, "it waits").components[0]
        assert (waiting.state, waiting.restarts) == ("waiting", 0)
        assert "refused" in waiting.reason
        servers.start_again(POSTGRES_SERVER)
        began = time.monotonic()
        running.wait(lambda now: now.healthy, "it runs again")
        assert time.monotonic() - began < 2.0
        assert len([line for line in running.log() if line.startswith("scheduler is starting")]) <= 3


def test_without_a_database_there_is_nothing_to_wait_for() -> None:
    assert DatabaseProbe("", lambda: None).answered_since(0.0, 0.0)
