"""A publisher and a fetcher that are killed at any byte that they exchange with a real PostgreSQL.

The process talks to the server through the test, which kills it after so many bytes.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.releases import fetcher, registry, tree
from airfleet.releases.manifest import Manifest
from airfleet.releases.places import Places
from airfleet.releases.publisher import publish
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.releases.stores.objects import Damaged
from airfleet.releases.tree import Tree
from support.release_folders import project

ANN = About("ann", "laptop")
#: moments at which the process is killed, beside the first and the last byte
POINTS = 40
Act = Callable[[psycopg.Connection[Any]], object]
TABLES = "airfleet_release, airfleet_release_upload, airfleet_release_object"


@dataclass(frozen=True)
class Exchange:
    """Bytes that went to the server and came back, and whether the process came to its end."""

    sent: int
    received: int
    is_whole: bool


def exchange(database: psycopg.Connection[Any], act: Act, **most: int) -> Exchange:
    """Run ``act`` in a process of its own, which is killed when it has ``sent`` or ``received`` so many bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pid = os.fork()
        if pid == 0:
            _act(listening.getsockname()[1], database, act)
        client = listening.accept()[0]
        with client, _server(database) as server:
            counted = _relay(client, server, pid, most)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return Exchange(counted["sent"], counted["received"], status == 0)


def _act(port: int, database: psycopg.Connection[Any], act: Act) -> None:
    code = 1
    try:
        info = database.info
        told = {"host": "127.0.0.1", "port": port, "user": info.user, "dbname": info.dbname, "password": info.password}
        with psycopg.connect(autocommit=True, sslmode="disable", gssencmode="disable", **told) as connection:
            act(connection)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _server(database: psycopg.Connection[Any]) -> socket.socket:
    if database.info.host.startswith("/"):
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{database.info.host}/.s.PGSQL.{database.info.port}")
        return server
    return socket.create_connection((database.info.host, database.info.port))


def _relay(client: socket.socket, server: socket.socket, pid: int, most: dict[str, int]) -> dict[str, int]:
    counted = {"sent": 0, "received": 0}
    ways = {client: (server, "sent"), server: (client, "received")}
    while True:
        for source in select.select(list(ways), [], [])[0]:
            target, way = ways[source]
            block = source.recv(65_536)
            allowed = block[: max(0, most.get(way, sys.maxsize) - counted[way])]
            counted[way] += len(allowed)
            with suppress(OSError):
                target.sendall(allowed)
            if len(allowed) < len(block):
                os.kill(pid, signal.SIGKILL)
            if len(allowed) < len(block) or not block:
                return counted


@pytest.fixture
def read(tmp_path: Path) -> Tree:
    """Give a project with small files and one that has a transaction of its own."""
    return tree.read(project(tmp_path / "project", {"a.py": "1", "b.py": "2", "large.bin": os.urandom(90_000)}))


def _is_complete(database: psycopg.Connection[Any], manifest: Manifest, places: Places) -> bool:
    """Fetch the release as a host would. The store's promise: a release that is recorded is whole."""
    fetcher.fetch(manifest, DatabaseObjects(database), places)
    return fetcher.verify(manifest, places) == ()


def test_a_publisher_that_is_killed_at_any_byte_leaves_a_whole_release_or_none(
    read: Tree, tmp_path: Path, database: psycopg.Connection[Any]
) -> None:
    def act(connection: psycopg.Connection[Any]) -> None:
        publish(read, DatabaseObjects(connection), connection, ANN)

    every = exchange(database, act)
    assert every.is_whole
    outcomes = set()
    for number in range(POINTS + 1):
        database.execute(f"TRUNCATE {TABLES} CASCADE".encode())
        exchange(database, act, sent=1 + (every.sent - 2) * number // POINTS)
        found = registry.releases(database)
        outcomes.add(len(found))
        if found:
            assert _is_complete(database, read.manifest, Places(tmp_path / f"seen_{number}"))
        publish(read, DatabaseObjects(database), database, ANN)
        assert _is_complete(database, read.manifest, Places(tmp_path / f"again_{number}"))
    assert 0 in outcomes


def test_a_fetcher_that_is_killed_at_any_byte_leaves_a_whole_tree_or_none(
    read: Tree, tmp_path: Path, database: psycopg.Connection[Any]
) -> None:
    publish(read, DatabaseObjects(database), database, ANN)
    digest = read.manifest.digest

    def into(places: Places) -> Act:
        return lambda connection: fetcher.fetch(
            registry.manifest(connection, digest), DatabaseObjects(connection), places
        )

    every = exchange(database, into(Places(tmp_path / "first")))
    assert every.is_whole
    killed = 0
    for number in range(POINTS + 1):
        places = Places(tmp_path / f"releases_{number}")
        ended = exchange(database, into(places), received=1 + (every.received - 2) * number // POINTS)
        killed += not ended.is_whole
        if fetcher.local_trees(places):
            assert fetcher.verify(read.manifest, places) == ()
        for path in places.objects.glob("??/*"):
            assert path.name.removesuffix(".x") in {file.digest for file in read.manifest.files}
        assert _is_complete(database, read.manifest, places)
    assert killed > POINTS // 2


@pytest.mark.parametrize("path", ["a.py", "large.bin"])
def test_a_flipped_byte_in_the_store_is_refused_and_a_push_puts_it_right(
    path: str, read: Tree, tmp_path: Path, database: psycopg.Connection[Any]
) -> None:
    objects, places = DatabaseObjects(database), Places(tmp_path / "releases")
    publish(read, objects, database, ANN)
    digest = next(file.digest for file in read.manifest.files if file.path == path)
    database.execute(
        "UPDATE airfleet_release_object SET content = set_byte(content, 2, get_byte(content, 2) # 255)"
        " WHERE digest = %s AND number = 0",
        (digest,),
    )
    with pytest.raises(Damaged, match=f"object {digest[:12]}"):
        fetcher.fetch(read.manifest, objects, places)
    assert fetcher.local_trees(places) == frozenset()
    assert not places.object(digest).exists()
    assert publish(read, objects, database, ANN) == 0
    assert publish(read, objects, database, ANN, verify=True) == 1
    assert _is_complete(database, read.manifest, places)
