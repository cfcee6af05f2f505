"""Releases at their limits on a host: a full disk, ten thousand files, two gigabytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.releases import fetcher, publisher, tree
from airfleet.releases.places import Places
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.releases.stores.folder_objects import FolderObjects
from faultlab.injectors import small_disk
from support.release_folders import project

ADA = About("ada", "laptop")
DISK_MB = 8
MANY = 10_000
#: files of a release of 2 GB
LARGE, LARGE_BYTES = 20, 99_000_000
#: memory that reading, sending and fetching 2 GB may take, with Python and psycopg
MOST_RSS_MB = 300
#: sends and fetches a folder in a process of its own, and says the most memory that it had
PASSAGE = """\
import json, sys
from pathlib import Path
from airfleet.releases import fetcher, tree
from airfleet.releases.stores.folder_objects import FolderObjects
from airfleet.releases.places import Places
from support.peak_memory import peak_bytes

root, store, host = map(Path, sys.argv[1:])
read, objects = tree.read(root), FolderObjects(store)
for file in read.manifest.files:
    objects.put(file.digest, tree.content(read.path_of(file)))
fetcher.fetch(read.manifest, objects, Places(host))
print(json.dumps([len(read.problems), read.manifest.size, peak_bytes() >> 20]))
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk.small_disk(tmp_path / "disk", DISK_MB):
        yield tmp_path / "disk"


@pytest.fixture
def room() -> Iterator[Path]:
    """Give a folder that is removed at once: pytest keeps its own for a while."""
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as folder:
        yield Path(folder)


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_disk_that_is_full_keeps_what_it_has_and_the_fetch_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    places, objects = Places(disk / "releases"), FolderObjects(tmp_path / "store")
    root = project(tmp_path / "project", {"a.bin": os.urandom(1_000_000)})
    first, second = (_sent(root, objects, more) for more in ({}, {"b.bin": os.urandom(4_000_000)}))
    fetcher.fetch(first.manifest, objects, places)
    fetcher.activate(places, first.manifest.digest)
    small_disk.fill(disk)
    before = files_below(places.root)
    with pytest.raises(OSError, match="No space left on device"):
        fetcher.fetch(second.manifest, objects, places)
    fetcher.remove_partial(places)
    assert files_below(places.root) == before
    assert fetcher.verify(first.manifest, places) == ()
    assert fetcher.local_trees(places) == {first.manifest.digest}
    small_disk.make_room(disk)
    fetcher.fetch(second.manifest, objects, places)
    assert fetcher.verify(second.manifest, places) == ()


def _sent(root: Path, objects: FolderObjects, more: Mapping[str, bytes]) -> tree.Tree:
    read = tree.read(project(root, more))
    for file in read.manifest.files:
        objects.put(file.digest, tree.content(read.path_of(file)))
    return read


@pytest.mark.long
def test_ten_thousand_files_arrive_and_the_next_release_brings_what_changed(
    connect: Callable[[], psycopg.Connection[Any]], tmp_path: Path
) -> None:
    files = {f"data/{number % 100}/{number}.txt": f"row {number}\n" for number in range(MANY)}
    root, places = project(tmp_path / "project", files), Places(tmp_path / "host")
    with connect() as connection:
        objects = DatabaseObjects(connection)
        first = tree.read(root)
        assert publisher.publish(first, objects, connection, ADA) == MANY + 1
        fetcher.fetch(first.manifest, objects, places)
        assert fetcher.verify(first.manifest, places) == ()
        second = tree.read(project(root, {"data/7/7.txt": "another row\n"}))
        assert publisher.publish(second, objects, connection, ADA) == 1
        fetcher.fetch(second.manifest, objects, places)
    trees = [places.tree(read.manifest.digest) for read in (first, second)]
    assert len({(one / "data/8/8.txt").stat().st_ino for one in trees}) == 1
    assert [(one / "data/7/7.txt").read_text() for one in trees] == ["row 7\n", "another row\n"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_gigabytes_travel_in_little_memory_and_more_than_the_limit_is_refused(room: Path) -> None:
    root = project(room / "project")
    for number in range(LARGE):
        with open(root / f"{number}.bin", "wb") as file:
            file.writelines(os.urandom(1_000_000) for _ in range(LARGE_BYTES // 1_000_000))
    words = [sys.executable, "-c", PASSAGE, str(root), str(room / "store"), str(room / "host")]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    problems, size, memory = json.loads(done.stdout)
    assert problems == 0
    assert size > LARGE * LARGE_BYTES
    assert memory < MOST_RSS_MB
    with open(root / "more.bin", "wb") as file:
        file.truncate(99_000_000)
    [problem] = tree.read(root).problems
    assert problem.sentence == "the release would have 2,079.0 MB, more than 2,000.0 MB"
