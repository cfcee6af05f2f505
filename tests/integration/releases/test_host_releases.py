"""The releases on the disk of a host, fetched from a database and a store of its own."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from airfleet.agent.releases.disk import HostReleases
from airfleet.agent.releases.fetches import FetchFailed
from airfleet.agent.releases.other_hosts import OtherHosts
from airfleet.api_server.release_objects import ReleaseObjects
from airfleet.fleet.planning.plan import ReleaseHosts
from airfleet.metadata.migrations import runner
from airfleet.releases import publisher, registry, tree
from airfleet.releases.environments import layout
from airfleet.releases.news import ReleaseState
from airfleet.releases.places import Places
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.releases.stores.folder_objects import FolderObjects
from support.databases import NewDatabase
from support.http_served import serving
from support.release_folders import project

ADA, KEY = About("ada", "laptop"), "k" * 64


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    made = new_database("disk")
    with psycopg.connect(made, autocommit=True) as connection:
        runner.apply(connection)
    return made


def publish(url: str, root: Path, store: Path, **files: str) -> str:
    """Publish a project; its digest."""
    read = tree.read(project(root, {f"pipelines/{name}.yaml": text for name, text in files.items()}))
    with psycopg.connect(url, autocommit=True) as connection:
        publisher.publish(read, FolderObjects(store), connection, ADA)
    return read.manifest.digest


def publish_with_python(url: str, root: Path, store: Path, environment: str) -> str:
    """Publish a project whose files run in an environment, which no lock describes; its digest."""
    table = root.parent / "pipelines.json"
    table.write_text(json.dumps({layout.OTHERS: environment}))
    read = tree.read(project(root)).with_made({layout.TABLE: table}, {"requirements.txt": environment})
    with psycopg.connect(url, autocommit=True) as connection:
        publisher.publish(read, FolderObjects(store), connection, ADA)
    return read.manifest.digest


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


@pytest.fixture
def disk(url: str, store: Path, places: Places) -> HostReleases:
    return HostReleases(places, url, str(store))


def test_a_release_is_fetched_made_live_and_retired(
    disk: HostReleases, places: Places, url: str, tmp_path: Path, store: Path
) -> None:
    assert (disk.live(), disk.trees()) == (None, frozenset())
    digest = publish(url, tmp_path / "project", store)
    disk.fetch(digest)
    assert disk.trees() == {digest}
    disk.activate(digest)
    assert disk.live() == digest
    assert (places.live / "pipelines" / "hello.yaml").read_text().startswith("dag_id: hello")
    disk.retire()
    disk.retire()
    assert (disk.live(), disk.trees()) == (None, {digest})


def test_what_is_dropped_is_deleted(disk: HostReleases, url: str, tmp_path: Path, store: Path) -> None:
    one = publish(url, tmp_path / "project", store)
    two = publish(url, tmp_path / "project", store, more="dag_id: more")
    for digest in (one, two):
        disk.fetch(digest)
    disk.drop({one})
    assert disk.trees() == {two}


def test_a_release_whose_python_cannot_be_built_keeps_its_files(
    disk: HostReleases, places: Places, url: str, tmp_path: Path, store: Path
) -> None:
    old = publish(url, tmp_path / "project", store)
    needed = publish_with_python(url, tmp_path / "project", store, "f" * 64)
    disk.fetch(old)
    sentence = "the release has no lock of its environment ffffffffffff\nhint: push the project again"
    with pytest.raises(FetchFailed, match=f"^{sentence}$"):
        disk.fetch(needed)
    assert (disk.trees(), disk.unbuilt()) == ({old}, {needed})
    disk.drop({old})
    assert (disk.trees(), disk.unbuilt()) == (frozenset(), {needed})
    lose(store, places)
    with pytest.raises(FetchFailed, match="no lock"):  # nothing is asked of the store a second time
        disk.fetch(needed)
    disk.drop({needed})
    assert (disk.unbuilt(), [path for path in places.objects.rglob("*") if path.is_file()]) == (frozenset(), [])


def test_what_an_agent_left_half_fetched_is_removed(disk: HostReleases, places: Places) -> None:
    disk.tidy()
    (places.partial / "half").mkdir(parents=True)
    disk.tidy()
    assert not (places.partial / "half").exists()


def lose(store: Path, places: Places) -> None:
    for path in store.rglob("*"):
        if path.is_file():
            path.unlink()


def spoil(store: Path, places: Places) -> None:
    for path in store.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"other bytes")


@pytest.mark.parametrize("harm", [lose, spoil])
def test_a_store_that_lost_an_object_or_has_other_bytes_is_certain_to_fail_again(
    harm: Callable[[Path, Places], None], disk: HostReleases, places: Places, url: str, tmp_path: Path, store: Path
) -> None:
    digest = publish(url, tmp_path / "project", store)
    harm(store, places)
    with pytest.raises(FetchFailed, match=r"object|bytes") as failed:
        disk.fetch(digest)
    assert failed.value.is_certain
    assert disk.trees() == frozenset()


@dataclass
class Helped:
    """A host whose store is somewhere, beside one with an api-server; ``said`` is what its agent logs."""

    disk: HostReleases
    said: list[str]


@pytest.fixture
def beside(url: str, store: Path, places: Places, tmp_path: Path) -> Iterator[Callable[[str], Helped]]:
    """Make hosts beside one that has fetched its releases from the store."""
    there = Places(tmp_path / "there")
    with serving(ReleaseObjects(FastAPI(), there, KEY)) as address:

        def make(where: str) -> Helped:
            for digest in published(url):
                HostReleases(there, url, str(store)).fetch(digest)
            said: list[str] = []
            others = OtherHosts(
                ReleaseHosts({"front": (address,)}, KEY), lambda e, **p: said.append(e.value.format(**p))
            )
            return Helped(HostReleases(places, url, where, None, others), said)

        yield make


def published(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [release.digest for release in registry.releases(connection)]


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("{tmp_path}/nowhere", "the store has no object "),
        ("s3://shop/releases", "releases cannot be kept in s3://shop/releases: "),
    ],
    ids=["a folder that is not here", "a bucket whose library is not here"],
)
def test_what_the_store_does_not_give_comes_from_a_host_with_an_api_server(
    where: str, why: str, beside: Callable[[str], Helped], url: str, tmp_path: Path, store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "s3fs", None)
    digest = publish(url, tmp_path / "project", store)
    host = beside(where.format(tmp_path=tmp_path))
    host.disk.fetch(digest)
    assert host.disk.trees() == {digest}
    (line,) = host.said
    assert line.startswith(f"release {digest[:12]} is fetched from the api-server 127.0.0.1:")
    assert why in line


@pytest.mark.parametrize("state", ReleaseState)
def test_what_a_host_with_an_api_server_still_fetches_is_awaited(
    state: ReleaseState, beside: Callable[[str], Helped], url: str, tmp_path: Path, store: Path
) -> None:
    host = beside(str(tmp_path / "nowhere"))
    digest = publish(url, tmp_path / "project", store)
    with psycopg.connect(url, autocommit=True) as connection:
        registry.report(connection, "front", digest, state)
        registry.report(connection, "another", digest, ReleaseState.FETCHING)
    with pytest.raises(FetchFailed, match=r"the store has no object .*; the api-server .* has no object ") as failed:
        host.disk.fetch(digest)
    assert (failed.value.is_certain, failed.value.is_awaited) == (False, state is ReleaseState.FETCHING)


def test_wrong_bytes_of_the_database_are_taken_from_a_host_and_nothing_else(
    beside: Callable[[str], Helped], url: str, tmp_path: Path, store: Path
) -> None:
    digest = publish(url, tmp_path / "project", store)
    with psycopg.connect(url, autocommit=True) as connection:
        objects = DatabaseObjects(connection)
        for one in FolderObjects(store).digests():
            objects.put(one, FolderObjects(store).get(one))
        connection.execute("UPDATE airfleet_release_object SET content = %s", (zlib.compress(b"other bytes"),))
    host = beside("database")
    host.disk.fetch(digest)
    assert host.disk.trees() == {digest}
    assert ": the store gave wrong bytes" in host.said[0]
    host.disk.drop(host.disk.trees())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE airfleet_release_object")
    with pytest.raises(FetchFailed, match="the store has no object ") as failed:
        host.disk.fetch(digest)
    assert failed.value.is_certain


def test_a_release_without_a_record_cannot_be_fetched(disk: HostReleases, url: str) -> None:
    with pytest.raises(FetchFailed, match=r"^there is no release '111111111111'$"):
        disk.fetch("1" * 64)


def test_a_database_that_is_away_may_be_back_soon(places: Places, tmp_path: Path) -> None:
    nowhere: Any = HostReleases(places, "postgresql://me@127.0.0.1:1/none", "database")
    with pytest.raises(psycopg.OperationalError):
        nowhere.fetch("1" * 64)
