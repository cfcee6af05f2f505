"""The releases on the disk of a host, fetched from a database and a store of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.releases.disk import HostReleases
from airfleet.agent.releases.fetches import FetchFailed
from airfleet.metadata.migrations import runner
from airfleet.releases import publisher, tree
from airfleet.releases.environments import layout
from airfleet.releases.folder_objects import FolderObjects
from airfleet.releases.places import Places
from airfleet.releases.registry import About
from support.databases import NewDatabase
from support.release_folders import project

ADA = About("ada", "laptop")


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


def test_a_release_without_a_record_cannot_be_fetched(disk: HostReleases, url: str) -> None:
    with pytest.raises(FetchFailed, match=r"^there is no release '111111111111'$"):
        disk.fetch("1" * 64)


def test_a_database_that_is_away_may_be_back_soon(places: Places, tmp_path: Path) -> None:
    nowhere: Any = HostReleases(places, "postgresql://me@127.0.0.1:1/none", "database")
    with pytest.raises(psycopg.OperationalError):
        nowhere.fetch("1" * 64)
