"""Releases that are published reach the disk of a running fleet's host, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from airfleet.agent.release_status import HostRelease
from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers import secrets
from airfleet.releases import fetcher, publisher, registry, tree
from airfleet.releases.manifest import File, Manifest, by_path
from airfleet.releases.news import ReleaseState
from airfleet.releases.places import Places
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import TINY
from support.pipelines import HELLO

pytestmark = pytest.mark.long

SECONDS = 30.0
TAKE = "DELETE FROM airfleet_release_object WHERE digest = %s"
WAITING = """
SELECT 1 FROM pg_stat_activity WHERE application_name = 'airfleet releases' AND wait_event_type = 'Lock'
"""
ASKED = """
SELECT query, state_change < clock_timestamp() - interval '5 s' FROM pg_stat_activity
WHERE application_name = 'airfleet releases'"""
ABOUT = About("ada", "laptop", "fixes the join")


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(TINY, {"pipelines/hello.yaml": HELLO}) as fleet:
        fleet.start()
        yield fleet


@pytest.fixture
def places(fleet: FleetUnderTest) -> Places:
    return Places(fleet.paths.releases)


def connect(fleet: FleetUnderTest) -> psycopg.Connection[Any]:
    password = secrets.load_or_generate(fleet.paths.secrets).airflow_password
    url = f"postgresql://airflow:{password}@{fleet.component('postgres').address}/airflow"
    return psycopg.connect(url, autocommit=True)


def publish(fleet: FleetUnderTest, **files: str) -> Manifest:
    """Publish the project of the fleet with some files more."""
    for name, text in files.items():
        fleet.write(f"code/{name}.py", text)
    found = tree.read(fleet.root)
    with connect(fleet) as connection:
        publisher.publish(found, DatabaseObjects(connection), connection, ABOUT)
    return found.manifest


def make_live(fleet: FleetUnderTest, digest: str) -> None:
    with connect(fleet) as connection:
        live = registry.live(connection)
        registry.activate(connection, digest, live.generation if live else None, ABOUT)


def report(fleet: FleetUnderTest, digest: str) -> tuple[str, str]:
    """Read how far the host is with a release, as the database was told."""
    with connect(fleet) as connection:
        found = registry.host_states(connection, digest)
    return next(((str(one.state), one.sentence) for one in found if one.host == "local"), ("", ""))


def until(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, SECONDS, what)


def logged(fleet: FleetUnderTest, sentence: str) -> bool:
    return sentence in fleet.paths.log("agent").read_text()


def code(release: Manifest, name: str) -> File:
    return by_path(release.files)[f"code/{name}.py"]


def test_a_release_that_is_published_is_fetched_and_goes_live_when_it_is_told_to(
    fleet: FleetUnderTest, places: Places
) -> None:
    release = publish(fleet, one="ONE = 1\n")
    until(lambda: report(fleet, release.digest) == ("ready", ""), "the host is ready")
    assert (places.tree(release.digest) / "code" / "one.py").read_text() == "ONE = 1\n"
    assert places.live_digest() is None
    make_live(fleet, release.digest)
    until(lambda: places.live_digest() == release.digest, "the release is live here")
    until(lambda: fleet.snapshot().releases.hosts, "the agent tells of it")
    told = fleet.snapshot().releases
    assert (told.live, told.note, told.hosts) == (
        release.digest, "fixes the join", (HostRelease("local", ReleaseState.READY),),
    )  # fmt: skip
    assert 0 < (told.used_bytes or 0) < (told.budget_bytes or 0) == 2**30
    shown = fleet.airfleet("status")
    assert shown.returncode == 0, shown.stderr
    assert f"\nrelease {release.digest[:12]} is live for " in shown.stderr


def test_an_agent_that_was_killed_while_it_fetched_brings_what_is_missing_after_its_next_start(
    fleet: FleetUnderTest, places: Places
) -> None:
    for name in ("two", "three"):
        fleet.write(f"code/{name}.py", f"NAME = '{name}'\n")
    read = tree.read(fleet.root)
    kept, last = code(read.manifest, "one"), code(read.manifest, "two")
    before = places.object(kept.digest).stat()
    with connect(fleet) as connection, connection.transaction():  # a store that lacks the last object
        publisher.publish(read, DatabaseObjects(connection), connection, ABOUT)
        lost = connection.execute(f"{TAKE} RETURNING digest, number, content", (last.digest,)).fetchone()
    until(lambda: report(fleet, read.manifest.digest)[1], "the fetch comes to a halt")
    with connect(fleet) as connection, connection.transaction():
        connection.execute("LOCK TABLE airfleet_release_object IN ACCESS EXCLUSIVE MODE")
        connection.execute("INSERT INTO airfleet_release_object VALUES (%s, %s, %s)", lost)
        until(lambda: waits_for_the_store(fleet), "the next try is in the middle")
        os.kill(fleet.snapshot().pid, signal.SIGKILL)
    assert not places.tree(read.manifest.digest).exists()
    fleet.start()
    until(lambda: report(fleet, read.manifest.digest) == ("ready", ""), "the host is ready")
    after = places.object(kept.digest).stat()  # an unchanged file is fetched once
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (before.st_ino, before.st_mtime_ns, before.st_nlink + 1)
    assert fetcher.verify(read.manifest, places) == ()


def waits_for_the_store(fleet: FleetUnderTest) -> bool:
    with connect(fleet) as connection:
        return bool(connection.execute(WAITING).fetchone())


def test_while_the_database_is_away_the_live_release_stays_and_news_arrive_when_it_is_back(
    fleet: FleetUnderTest, places: Places
) -> None:
    before = places.live_digest()
    assert before is not None
    fleet.wait_until_replaced("postgres", fleet.kill("postgres"), 60.0)
    until(lambda: logged(fleet, "news of releases arrives again"), "the agent listens again")
    assert logged(fleet, "no news of releases, so this host goes on with those that it has: ")
    assert places.live_digest() == before
    release = publish(fleet, four="FOUR = 4\n")
    make_live(fleet, release.digest)
    until(lambda: places.live_digest() == release.digest, "the release is live here")
    make_live(fleet, before)
    until(lambda: places.live_digest() == before, "the one before is live again")


def test_an_agent_asks_nothing_while_there_is_no_news(fleet: FleetUnderTest) -> None:
    def rests() -> list[tuple[str, bool]]:
        with connect(fleet) as connection:
            return connection.execute(ASKED).fetchall()

    until(lambda: [is_old for _, is_old in rests()] == [True], "the one connection of releases is silent for 5 s")
