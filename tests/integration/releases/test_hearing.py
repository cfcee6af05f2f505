"""What an agent hears, reads and reports of releases on a real PostgreSQL."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.agent.releases.connection import ReleaseConnection
from airfleet.agent.releases.decisions import Report, Wanted
from airfleet.drill.waiting import wait_until
from airfleet.fleet.config.spec import Releases
from airfleet.metadata.migrations import runner
from airfleet.releases.news import ReleaseState
from airfleet.releases.policies import records
from airfleet.releases.policies.signed_text import Purpose, Signature
from airfleet.releases.stores.database_objects import DatabaseObjects
from support.databases import NewDatabase

SECONDS = 10.0
ONE, TWO, OLD = "1" * 64, "2" * 64, "3" * 64


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database("releases")


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as made:
        runner.apply(made)
        made.execute("CREATE TABLE dag_run (state text, bundle_version text)")
        made.execute("CREATE TABLE dag (bundle_version text, is_stale boolean)")
        yield made


@pytest.fixture
def heard(url: str, database: psycopg.Connection[Any]) -> Iterator[ReleaseConnection]:
    connection = ReleaseConnection(url, Releases(keep=1, budget_bytes=2**20))
    yield connection
    connection.close()


def publish(database: psycopg.Connection[Any], digest: str, hours_ago: int = 0) -> None:
    database.execute(
        "INSERT INTO airfleet_release (digest, manifest, size, files, author, origin, note, created_at) "
        "VALUES (%s, '', 0, 0, 'ada', 'laptop', 'a note', clock_timestamp() - make_interval(hours => %s))",
        (digest, hours_ago),
    )


def make_live(database: psycopg.Connection[Any], digest: str) -> None:
    database.execute(
        "INSERT INTO airfleet_release_live VALUES (true, %s, 1, clock_timestamp() - interval '1 minute') "
        "ON CONFLICT (one) DO UPDATE SET digest = excluded.digest",
        (digest,),
    )


def test_a_fleet_without_releases_needs_none(heard: ReleaseConnection) -> None:
    assert heard.wanted() == Wanted()
    assert heard.status() == ReleaseStatus()


def test_the_last_ones_the_young_ones_the_live_one_and_those_in_use_are_needed(
    heard: ReleaseConnection, database: psycopg.Connection[Any]
) -> None:
    for digest, hours in ((ONE, 2), (TWO, 3), (OLD, 4)):
        publish(database, digest, hours)
    assert heard.wanted() == Wanted(published=(ONE,))
    publish(database, "4" * 64)
    assert heard.wanted() == Wanted(published=("4" * 64,))
    publish(database, "5" * 64)
    assert set(heard.wanted().published) == {"4" * 64, "5" * 64}
    make_live(database, TWO)
    runs = [("running", OLD), ("queued", OLD), ("success", ONE), ("failed", ONE), ("running", "a commit of git")]
    for run in runs:
        database.execute("INSERT INTO dag_run VALUES (%s, %s)", run)
    found = heard.wanted()
    assert (found.live, found.in_use) == (TWO, {OLD})


def test_all_that_is_wanted_is_read_at_one_moment(
    url: str, heard: ReleaseConnection, database: psycopg.Connection[Any]
) -> None:
    publish(database, ONE, 2)
    publish(database, TWO, 2)
    make_live(database, ONE)
    database.execute("INSERT INTO dag_run VALUES ('running', %s)", (TWO,))
    ended = threading.Event()

    def swap() -> None:
        """Give the pointer and the run to the other release, both at once."""
        with psycopg.connect(url, autocommit=True) as other:
            while not ended.is_set():
                for live, used in ((TWO, ONE), (ONE, TWO)):
                    with other.transaction():
                        make_live(other, live)
                        other.execute("UPDATE dag_run SET bundle_version = %s", (used,))

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        found = [heard.wanted()]
        while len(found) < 300 or {one.live for one in found} != {ONE, TWO}:
            found.append(heard.wanted())
    finally:
        ended.set()
        swapping.join(SECONDS)
    assert {one.in_use | {one.live} for one in found} == {frozenset({ONE, TWO})}


def test_the_live_release_its_hosts_and_the_size_of_the_store_are_told(
    heard: ReleaseConnection, database: psycopg.Connection[Any]
) -> None:
    publish(database, ONE)
    make_live(database, ONE)
    database.execute("INSERT INTO airfleet_release_object VALUES ('a', 0, %s), ('a', 1, %s)", (b"x" * 70, b"x" * 30))
    heard.report("b", ONE, Report(ReleaseState.FAILED, "no room"))
    heard.report("a", ONE, Report(ReleaseState.READY))
    found = heard.status()
    assert (found.live, found.note, found.author, found.budget_bytes) == (ONE, "a note", "ada", 2**20)
    assert found.used_bytes == DatabaseObjects(database).size() >= 100
    assert found.hosts == (HostRelease("a", ReleaseState.READY), HostRelease("b", ReleaseState.FAILED, "no room"))
    assert 60.0 <= found.since < 120.0


def test_signatures_are_read_where_somebody_asks_for_them(url: str, database: psycopg.Connection[Any]) -> None:
    one, two = Signature(Purpose.RELEASE, "text", "ada"), Signature(Purpose.APPROVAL, "more", "bob")
    for digest in (ONE, TWO):
        publish(database, digest)
    for signature in (one, two):
        records.sign(database, ONE, signature)
    connection = ReleaseConnection(url, Releases(), reads_signatures=True)
    assert connection.wanted().signatures == {ONE: (two, one)}
    here, _there = socket.socketpair()
    records.sign(database, TWO, replace(one, text="other"))
    assert connection.wait(SECONDS, here) == (f"vouched {TWO}",)
    connection.close()
    with closing(ReleaseConnection(url, Releases())) as connection:
        assert connection.wanted().signatures == {}


def test_a_store_elsewhere_has_no_budget(url: str, database: psycopg.Connection[Any]) -> None:
    publish(database, ONE)
    make_live(database, ONE)
    connection = ReleaseConnection(url, Releases(store="/mnt/store"))
    assert (connection.status().used_bytes, connection.status().budget_bytes) == (None, None)
    connection.close()


def test_reports_are_replaced_and_taken_back(heard: ReleaseConnection, database: psycopg.Connection[Any]) -> None:
    publish(database, ONE)
    publish(database, TWO)
    heard.report("a", ONE, Report(ReleaseState.FETCHING))
    heard.report("a", ONE, Report(ReleaseState.READY))
    heard.report("a", TWO, Report(ReleaseState.FAILED, "no room"))
    heard.report("a", OLD, Report(ReleaseState.READY))  # it was deleted meanwhile
    heard.report("b", ONE, Report(ReleaseState.FAILED, os.fsdecode(b"no room: caf\xe9\0")))
    assert heard.reported("a") == {ONE: Report(ReleaseState.READY), TWO: Report(ReleaseState.FAILED, "no room")}
    assert heard.reported("b")[ONE].sentence.startswith("no room: caf")
    assert heard.reported("c") == {}
    heard.withdraw("a", {TWO, OLD})
    assert heard.reported("a") == {ONE: Report(ReleaseState.READY)}


def test_news_end_a_wait_also_when_they_came_with_an_answer(
    heard: ReleaseConnection, database: psycopg.Connection[Any]
) -> None:
    publish(database, ONE)
    here, there = socket.socketpair()
    assert heard.wait(0.0, here) == ()
    database.execute("SELECT pg_notify('airfleet_releases', %s)", (f"live {ONE}",))
    assert heard.wait(SECONDS, here) == (f"live {ONE}",)
    heard.report("a", ONE, Report(ReleaseState.READY))
    heard.wanted()
    assert heard.wait(SECONDS, here) == (f"host {ONE}",)
    there.send(b"!")
    assert heard.wait(None, here) == ()


def test_a_connection_that_the_server_ends_ends_the_wait(
    heard: ReleaseConnection, database: psycopg.Connection[Any]
) -> None:
    here, _there = socket.socketpair()
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'airfleet releases' "
    end += "AND datname = current_database()"
    threading.Timer(0.1, lambda: database.execute(end)).start()
    with pytest.raises(psycopg.OperationalError):  # its last words may come first, which are no news
        for _ in range(3):
            assert heard.wait(SECONDS, here) == ()


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("airfleet_release", lambda heard: heard.wanted()),
        ("airfleet_release_live", lambda heard: heard.status()),
        ("airfleet_release_object", lambda heard: heard.status()),
        ("airfleet_release_host", lambda heard: heard.reported("a")),
        ("airfleet_release_host", lambda heard: heard.report("a", ONE, Report(ReleaseState.READY))),
        ("airfleet_release_host", lambda heard: heard.withdraw("a", {ONE})),
    ],
)
def test_a_database_that_goes_away_during_a_question_is_lost_whatever_was_asked(
    table: str,
    read: Callable[[ReleaseConnection], object],
    url: str,
    heard: ReleaseConnection,
    database: psycopg.Connection[Any],
) -> None:
    publish(database, ONE)
    make_live(database, ONE)
    ending = threading.Thread(target=_end_the_waiting, args=(url,))
    with psycopg.connect(url) as holder:
        holder.execute(f"LOCK TABLE {table}".encode())
        ending.start()
        with pytest.raises(psycopg.OperationalError):
            read(heard)
        ending.join(SECONDS)


def _end_the_waiting(url: str) -> None:
    """End the agent's connection once it waits for the lock of a table."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'airfleet releases' "
    end += "AND datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(end.encode()).fetchone(), SECONDS, "it waits", pause_seconds=0.01)


def test_a_database_without_tables_says_so(new_database: NewDatabase) -> None:
    connection = ReleaseConnection(new_database("bare"), Releases())
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.wanted()
    connection.close()
