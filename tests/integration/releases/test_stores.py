"""Every store of objects does the same: whole or not there, by digest, and a sentence when it is away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.errors import FleetError
from airfleet.releases.stores.database_objects import PIECE_BYTES, DatabaseObjects
from airfleet.releases.stores.objects import Damaged, Missing, Objects, StoreUnreachable, checked
from airfleet.releases.stores.opening import open_store


@pytest.fixture(params=["database", "folder", "memory://", "file://"])
def store(request: pytest.FixtureRequest, database: psycopg.Connection[Any], tmp_path: Path) -> Objects:
    where = {
        "folder": str(tmp_path / "kept"),
        "file://": f"file://{tmp_path}/kept",
        "memory://": f"memory://{tmp_path}",
    }
    return open_store(where.get(request.param, request.param), database)


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("content", [b"", b"x", b"a" * 70_000, os.urandom(PIECE_BYTES + 7)], ids=len)
def test_an_object_comes_back_as_it_went(content: bytes, store: Objects) -> None:
    digest = named(content)
    assert store.missing([digest]) == {digest}
    with pytest.raises(Missing):
        list(store.get(digest))
    store.put(digest, checked([content[:5], content[5:]], digest, len(content)))
    store.put(digest, [content])
    assert store.missing([digest]) == frozenset()
    assert b"".join(store.get(digest)) == content
    assert list(store.digests()) == [digest]


def test_a_put_that_ends_early_leaves_nothing(store: Objects) -> None:
    digest = named(b"abc")
    with pytest.raises(Damaged):
        store.put(digest, checked([b"abd"], digest, 3))
    assert store.missing([digest]) == {digest}
    assert list(store.digests()) == []


def test_objects_are_removed(store: Objects) -> None:
    some = [named(content) for content in (b"a", b"b")]
    for digest, content in zip(some, (b"a", b"b"), strict=True):
        store.put(digest, [content])
    assert store.size() > 0
    store.delete([some[0], named(b"never")])
    assert list(store.digests()) == [some[1]]


def test_a_piece_that_would_grow_without_end_is_damaged(database: psycopg.Connection[Any]) -> None:
    import zlib

    bomb = zlib.compress(b"\0" * (PIECE_BYTES * 20))
    database.execute("INSERT INTO airfleet_release_object VALUES (%s, 0, %s)", (named(b"x"), bomb))
    with pytest.raises(Damaged, match="has a piece of more than 4,194,304 bytes"):
        list(DatabaseObjects(database).get(named(b"x")))


@pytest.mark.parametrize("packed", [b"", b"no zlib"])
def test_a_piece_that_is_not_compressed_is_damaged(packed: bytes, database: psycopg.Connection[Any]) -> None:
    database.execute("INSERT INTO airfleet_release_object VALUES (%s, 0, %s)", (named(b"x"), packed))
    with pytest.raises(Damaged):
        list(DatabaseObjects(database).get(named(b"x")))


def _unreachable(tmp_path: Path, database: psycopg.Connection[Any]) -> Iterator[Objects]:
    database.close()
    yield open_store("database", database)
    (tmp_path / "file").write_text("")
    yield open_store(str(tmp_path / "file"), database)


def test_a_store_that_is_away_is_said_in_a_sentence(tmp_path: Path, database: psycopg.Connection[Any]) -> None:
    said = []
    for store in _unreachable(tmp_path, database):
        with pytest.raises(StoreUnreachable) as caught:
            store.put(named(b"x"), [b"x"])
        said.append(str(caught.value))
    assert said == [
        "the database with the releases: the connection is closed",
        f"the folder of releases {tmp_path}/file: Not a directory",
    ]


@pytest.mark.parametrize(
    ("where", "hint"), [("s3://shop/releases", "pip install s3fs"), ("nowhere://x", "known are abfs, az, gcs, gs, s3")]
)
def test_a_bucket_without_its_library_is_refused(
    where: str, hint: str, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(FleetError, match=f"releases cannot be kept in {where}") as caught:
        open_store(where, database)
    assert caught.value.hint == hint
