"""The agent's watch over releases on a real database: whatever it says, unsigned code is not live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.releases.connection import ReleaseConnection
from airfleet.agent.releases.disk import HostReleases
from airfleet.agent.releases.vouching import ReleaseVouching
from airfleet.agent.releases.watch import ReleaseWatch
from airfleet.drill.waiting import wait_until
from airfleet.fleet.config.spec import Releases
from airfleet.metadata.migrations import runner
from airfleet.releases import publisher, registry, tree
from airfleet.releases.news import ReleaseState
from airfleet.releases.places import Places
from airfleet.releases.policies import records
from airfleet.releases.policies.signed_text import Purpose
from airfleet.releases.policies.verification import SigningPolicy
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from support import ssh_keys
from support.databases import NewDatabase
from support.release_folders import project
from support.ssh_keys import Person

pytestmark = pytest.mark.needs("openssh")

ANN = About("ann", "laptop")
MOVE = "UPDATE airfleet_release_live SET digest = %s, generation = generation + 1"
NOBODY = "it is signed by nobody"


def _say_nothing(*_: Any, **__: Any) -> None:
    """Log nothing."""


class Host:
    """A host whose agent watches releases, and the database that somebody may write to."""

    def __init__(self, url: str, root: Path) -> None:
        self.root, self.places = root, Places(root / "releases")
        self.database = psycopg.connect(url, autocommit=True)
        self.ada, self.bob = (ssh_keys.person(root / "people", name) for name in ("ada", "bob"))
        self.pushers = root / "pushers"
        self.pushers.write_text(self.ada.line() + self.bob.line())
        self._url = url

    def watching(self, approval: int) -> ReleaseWatch:
        """Start the agent's watch."""
        vouching = ReleaseVouching(SigningPolicy("shop", self.root, "pushers", approval), _say_nothing)
        connect = partial(ReleaseConnection, self._url, Releases(), reads_signatures=True)
        disk = HostReleases(self.places, self._url, "database")
        watch = ReleaseWatch("a", connect, disk, _say_nothing, lambda: None, vouching=vouching)
        watch.start()
        return watch

    def publish(self, text: str, *signers: Person) -> str:
        """Publish a release, signed in the same transaction; its digest."""
        read = tree.read(project(self.root / "project", {"a.py": text}))

        def record(connection: psycopg.Connection[Any], manifest: Any, about: About) -> None:
            with connection.transaction():
                registry.publish(connection, manifest, about)
                for one in signers:
                    records.sign(connection, manifest.digest, one.signature(manifest.digest))

        publisher.publish(read, DatabaseObjects(self.database), self.database, ANN, record=record)
        return read.manifest.digest

    def go_live(self, digest: str) -> None:
        """Make a release live as a push does."""
        live = registry.live(self.database)
        registry.activate(self.database, digest, live.generation if live else None, ANN)

    def reports(self, digest: str, state: ReleaseState, sentence: str = "") -> None:
        """Wait for a report of the host."""

        def told() -> bool:
            return [(one.state, one.sentence) for one in registry.host_states(self.database, digest)] == [
                (state, sentence)
            ]

        wait_until(told, 20, f"the host reports {state} {sentence}", 0.02)

    def has_live(self, digest: str) -> None:
        """Wait until a release is live here."""
        wait_until(lambda: self.places.live_digest() == digest, 20, f"{digest[:12]} is live here", 0.02)


@pytest.fixture
def host(new_database: NewDatabase, tmp_path: Path) -> Iterator[Host]:
    url = new_database("refusing")
    with psycopg.connect(url, autocommit=True) as connection:
        runner.apply(connection)
        connection.execute("CREATE TABLE dag_run (state text, bundle_version text)")
        connection.execute("CREATE TABLE dag (bundle_version text, is_stale boolean)")
    made = Host(url, tmp_path)
    yield made
    made.database.close()


def test_a_pointer_that_was_moved_by_hand_makes_no_unsigned_release_live(host: Host) -> None:
    with closing(host.watching(approval=0)) as watch:
        signed = host.publish("1", host.ada)
        host.reports(signed, ReleaseState.READY)
        host.go_live(signed)
        host.has_live(signed)
        unsigned = host.publish("2")
        host.reports(unsigned, ReleaseState.FAILED, NOBODY)
        host.database.execute("INSERT INTO dag_run VALUES ('running', %s)", (unsigned,))
        host.database.execute(MOVE, (unsigned,))
        host.database.execute("SELECT pg_notify('airfleet_releases', %s)", (f"live {unsigned}",))
        trouble = f"the live release does not go live on this host: {NOBODY}"
        wait_until(lambda: watch.trouble == trouble, 20, "the host says so", 0.02)
        assert host.places.live_digest() == signed
        assert not host.places.tree(unsigned).exists()


def test_a_signature_of_another_release_or_by_a_stranger_is_none(host: Host) -> None:
    with closing(host.watching(approval=0)):
        signed = host.publish("1", host.ada)
        host.reports(signed, ReleaseState.READY)
        copied = host.publish("2")
        records.sign(host.database, copied, host.ada.signature(signed))
        of_another = "it has a signature that is not of this release, or not for this fleet"
        host.reports(copied, ReleaseState.FAILED, of_another)
        host.pushers.write_text(host.bob.line())
        stranger = host.publish("3", host.ada)
        wait_until(
            lambda: [one.sentence[:61] for one in registry.host_states(host.database, stranger)]
            == ["it is signed by a key that is not among the allowed signers: "],
            20, "the host refuses it", 0.02,
        )  # fmt: skip


def test_a_release_goes_live_when_its_approval_is_signed_and_not_by_a_row_alone(host: Host) -> None:
    with closing(host.watching(approval=1)) as watch:
        digest = host.publish("1", host.ada)
        host.reports(digest, ReleaseState.READY)
        records.approve(host.database, digest, About("bob", "laptop"))
        host.go_live(digest)
        host.reports(digest, ReleaseState.FAILED, "it has 0 of 1 approval")
        assert host.places.live_digest() is None
        records.approve(host.database, digest, ANN, host.bob.signature(digest, Purpose.APPROVAL))
        host.has_live(digest)
        host.reports(digest, ReleaseState.READY)
        wait_until(lambda: not watch.trouble, 20, "the host is well", 0.02)


def test_a_live_release_stays_live_when_its_key_leaves_the_file_and_the_host_says_so(host: Host) -> None:
    with closing(host.watching(approval=0)) as watch:
        digest = host.publish("1", host.ada)
        host.go_live(digest)
        host.has_live(digest)
        host.pushers.write_text(host.bob.line())
        host.publish("2", host.bob)  # any news
        wait_until(lambda: "stays live on this host" in watch.trouble, 20, "the host says so", 0.02)
        assert host.places.live_digest() == digest
        records.sign(host.database, digest, host.bob.signature(digest))
        wait_until(lambda: not watch.trouble, 20, "somebody else has signed it", 0.02)
