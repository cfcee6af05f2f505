"""A host takes objects of releases from an api-server of another one, over real connections."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from airfleet.api_server.release_objects import ReleaseObjects
from airfleet.releases import fetcher
from airfleet.releases.exchange.host_objects import HostObjects
from airfleet.releases.exchange.store_with_hosts import StoreWithHosts
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import Places
from airfleet.releases.stores.folder_objects import FolderObjects
from airfleet.releases.stores.objects import Damaged, Missing, StoreUnreachable, checked
from airfleet.testing.ports import free_ports
from support import peak_memory
from support.http_served import serving

KEY = "k" * 64
FILES = {f"code/m{number}.py": f"N = {number}\n".encode() for number in range(250)} | {"data.bin": os.urandom(3 << 20)}


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


RELEASE = Manifest(tuple(File(path, named(content), len(content)) for path, content in FILES.items()))


@pytest.fixture
def there(tmp_path: Path) -> Places:
    """The places of the host with the api-server, which has fetched the release."""
    store = FolderObjects(tmp_path / "store")
    for content in FILES.values():
        store.put(named(content), [content])
    places = Places(tmp_path / "there")
    fetcher.fetch(RELEASE, store, places)
    return places


@pytest.fixture
def url(there: Places) -> Iterator[str]:
    with serving(ReleaseObjects(FastAPI(), there, KEY, "/af")) as address:
        yield f"{address}/af"


def test_a_release_comes_whole_from_a_host_when_the_store_is_away(url: str, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    (tmp_path / "file").write_text("")
    away = FolderObjects(tmp_path / "file")
    objects = StoreWithHosts(away, [HostObjects(url, KEY)], lambda place, why: told.append((place, why)))
    here = Places(tmp_path / "here")
    fetcher.fetch(RELEASE, objects, here)
    assert fetcher.verify(RELEASE, here) == ()
    place = url.removeprefix("http://").partition("/")[0]
    assert told == [(f"the api-server {place}", f"the folder of releases {tmp_path}/file: Not a directory")]


def test_an_object_comes_back_in_pieces_and_one_that_is_not_there_is_missing(url: str) -> None:
    host, large = HostObjects(url, KEY), FILES["data.bin"]
    pieces = list(host.get(named(large)))
    assert b"".join(pieces) == large
    assert len(pieces) == 3
    with pytest.raises(Missing):
        list(host.get("0" * 64))


def test_many_small_ones_take_few_requests(url: str) -> None:
    small = {named(content): content for path, content in FILES.items() if path != "data.bin"}
    assert dict(HostObjects(url, KEY).get_many([*small, "0" * 64])) == small


@pytest.mark.parametrize("options", [{"key": "j" * 64}, {"now": lambda: time.time() - 600}], ids=["key", "clock"])
def test_a_host_with_another_key_or_time_is_refused_in_a_sentence(options: Any, url: str) -> None:
    host = HostObjects(url, **{"key": KEY, **options})
    for ask in (lambda: host.get("0" * 64), lambda: host.get_many(["0" * 64])):
        with pytest.raises(StoreUnreachable, match=r"the clocks of the hosts, or their secrets, differ$"):
            list(ask())


def test_an_api_server_of_an_older_airfleet_gives_nothing(tmp_path: Path) -> None:
    pages = FastAPI()
    pages.add_api_route("/{path:path}", lambda path: "the page of Airflow, whatever is asked for")
    with serving(pages) as address:
        host = HostObjects(address, KEY)
        with pytest.raises(StoreUnreachable, match="gives no files of releases: it gives what nobody asked for"):
            list(host.get_many(["0" * 64]))
        objects = StoreWithHosts(FolderObjects(tmp_path), [host], lambda *_: None)
        with pytest.raises(Damaged):
            fetcher.fetch(RELEASE, objects, Places(tmp_path / "here"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", StoreUnreachable),
        (b"no HTTP at all\r\n\r\n", StoreUnreachable),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf", StoreUnreachable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Damaged),
    ],
)
def test_an_answer_that_breaks_off_is_no_object(answer: bytes, error: type[Exception]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_once, args=(listening, answer))
        thread.start()
        host = HostObjects(f"http://127.0.0.1:{listening.getsockname()[1]}", KEY)
        with pytest.raises(error):
            list(checked(host.get("0" * 64), "0" * 64, 9))
        thread.join()


def answer_once(listening: socket.socket, answer: bytes) -> None:
    with listening.accept()[0] as client:
        client.recv(65_536)
        client.sendall(answer)


def test_a_host_that_is_off_is_said_in_a_sentence() -> None:
    (port,) = free_ports(1)
    with pytest.raises(StoreUnreachable, match="Connection refused"):
        list(HostObjects(f"http://127.0.0.1:{port}", KEY).get("0" * 64))


def test_a_client_that_takes_nothing_costs_no_memory(there: Places, tmp_path: Path) -> None:
    """Twenty clients ask for 100 MB each, and read nothing."""
    huge = there.object("a" * 64)
    huge.parent.mkdir(exist_ok=True)
    with huge.open("wb") as file:
        file.truncate(100 << 20)
    with serving(ReleaseObjects(FastAPI(), there, KEY)) as address:
        before = peak_memory.forget_peak()
        hosts = [HostObjects(address, KEY).get("a" * 64) for _ in range(20)]
        assert all(next(one) for one in hosts)
        assert (peak_memory.peak_bytes() - before) >> 20 < 120
        for one in hosts:
            one.close()  # type: ignore[attr-defined]
