"""Objects in buckets, through the real clients: whole or not there, and a sentence in time when they are away."""

from __future__ import annotations

import hashlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest

from airfleet.errors import FleetError
from airfleet.releases import fetcher
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import Places
from airfleet.releases.stores.bucket_objects import BucketObjects
from airfleet.releases.stores.objects import Damaged, Missing, StoreUnreachable, checked
from buckets.conftest import FAILING, Cloud, emulator, environment

#: seconds within which a bucket that is away has to be told; a request has 20
BOUND = 45.0
LARGE = os.urandom((9 << 20) + 7)


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def store(cloud: Cloud) -> BucketObjects:
    return BucketObjects(cloud.address())


@pytest.mark.parametrize("content", [b"", b"x", LARGE[: 4 << 20], LARGE], ids=["empty", "a byte", "a chunk", "chunks"])
def test_an_object_comes_back_as_it_went(content: bytes, store: BucketObjects) -> None:
    digest = named(content)
    assert store.missing([digest]) == {digest}
    with pytest.raises(Missing):
        list(store.get(digest))
    store.put(digest, checked([content[:5], content[5:]], digest, len(content)))
    store.put(digest, [content])
    assert store.missing([digest]) == frozenset()
    assert b"".join(store.get(digest)) == content
    assert (list(store.digests()), store.size()) == ([digest], len(content))


def test_no_client_holds_more_than_a_chunk_of_an_object(store: BucketObjects) -> None:
    store.put(named(LARGE), [LARGE])
    assert [len(piece) for piece in store.get(named(LARGE))] == [4 << 20, 4 << 20, (1 << 20) + 7]


def test_a_release_of_many_files_goes_and_comes(store: BucketObjects, tmp_path: Path) -> None:
    contents = {f"m{number}.py": f"N = {number}\n".encode() for number in range(50)}
    release = Manifest(tuple(File(path, named(content), len(content)) for path, content in contents.items()))
    wanted = [file.digest for file in release.files]
    assert store.missing(wanted) == frozenset(wanted)
    for content in list(contents.values())[1:]:
        store.put(named(content), [content])
    assert store.missing(wanted) == {named(contents["m0.py"])}
    store.put(named(contents["m0.py"]), [contents["m0.py"]])
    places = Places(tmp_path)
    fetcher.fetch(release, store, places)
    assert fetcher.verify(release, places) == ()


def test_objects_are_removed_and_other_files_of_the_bucket_are_left_alone(cloud: Cloud) -> None:
    address = cloud.address()
    store, digests = BucketObjects(address), [named(content) for content in (b"a", b"b")]
    for digest, content in zip(digests, (b"a", b"b"), strict=True):
        store.put(digest, [content])
    with fsspec.open(f"{address}/ab/README", "wb", skip_instance_cache=True) as file:
        file.write(b"of somebody else")
    assert (sorted(store.digests()), store.size()) == (sorted(digests), 2)
    store.delete([digests[0], named(b"never")])
    assert list(store.digests()) == [digests[1]]


def test_an_empty_bucket_has_nothing(store: BucketObjects) -> None:
    assert (list(store.digests()), store.size()) == ([], 0)


def test_content_that_is_not_what_it_should_be_is_not_uploaded(store: BucketObjects) -> None:
    digest = named(b"abc")
    with pytest.raises(Damaged):
        store.put(digest, checked([b"abd"], digest, 3))
    assert list(store.digests()) == []


# --- failures --------------------------------------------------------------------------------------


def refused(act: Callable[[], object], seconds: float = BOUND) -> str:
    """Return why a bucket could not be used, which was told soon enough."""
    began = time.monotonic()
    with pytest.raises(StoreUnreachable) as caught:
        act()
    assert time.monotonic() - began < seconds
    return str(caught.value)


def test_a_bucket_that_is_not_there_is_named(cloud: Cloud) -> None:
    store = BucketObjects(cloud.address("nobody"))
    assert refused(lambda: list(store.get("0" * 64))).endswith(": there is no bucket 'nobody'")
    assert refused(lambda: store.put(named(b"x"), [b"x"])).startswith(f"the bucket of releases {cloud.kind}://nobody/")


@pytest.mark.parametrize("cloud", FAILING, indirect=True)
def test_a_bucket_that_is_away_is_told_in_a_sentence_and_nothing_else_is_written(
    cloud: Cloud, store: BucketObjects, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.proxy.refuse()
    said = refused(lambda: store.missing(["0" * 64]))
    assert said.startswith(f"the bucket of releases {cloud.kind}://shop/releases-")
    assert "\n" not in said
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("cloud", FAILING, indirect=True)
def test_a_bucket_that_says_nothing_is_told_in_bounded_time(cloud: Cloud, store: BucketObjects) -> None:
    cloud.proxy.hang()
    assert refused(lambda: list(store.get("0" * 64))).endswith(": no answer in time")


@pytest.mark.parametrize("cloud", FAILING, indirect=True)
def test_a_server_that_dies_in_the_middle_of_an_object_is_told(cloud: Cloud, store: BucketObjects) -> None:
    store.put(named(LARGE), [LARGE])
    pieces = store.get(named(LARGE))
    assert next(pieces) == LARGE[: 4 << 20]
    cloud.proxy.refuse()
    refused(lambda: list(pieces))
    cloud.proxy.open()
    assert b"".join(store.get(named(LARGE))) == LARGE


@pytest.mark.parametrize("cloud", FAILING, indirect=True)
def test_an_upload_that_breaks_off_leaves_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    address = cloud.address()
    with cutting_off(cloud.port, len(LARGE) // 2) as port, monkeypatch.context() as patch:
        for name, value in environment(cloud.kind, port).items():
            patch.setenv(name, value)
        store = BucketObjects(address)
        refused(lambda: store.put(named(LARGE), [LARGE]), BOUND + len(LARGE) / 100_000)
    assert list(BucketObjects(address).digests()) == []


@contextmanager
def cutting_off(port: int, most: int) -> Iterator[int]:
    """Lead to a server on loopback, and break each connection after so many bytes of the client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_cut_off, args=(listening, port, most), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _cut_off(listening: socket.socket, port: int, most: int) -> None:
    while True:
        try:
            client = listening.accept()[0]
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            _relay(client, server, most)


def _relay(client: socket.socket, server: socket.socket, left: int) -> None:
    ways = {client: server, server: client}
    while left > 0:
        for source in select.select(list(ways), [], [], 30)[0]:
            block = source.recv(65_536)
            if not block:
                return
            ways[source].sendall(block)
            left -= len(block) if source is client else 0


def without(monkeypatch: pytest.MonkeyPatch, names: Collection[str]) -> None:
    for name in names:
        monkeypatch.delenv(name, raising=False)


def test_without_credentials_s3_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with emulator("s3", tmp_path) as port:
        for name, value in environment("s3", port).items():
            monkeypatch.setenv(name, value)
        without(monkeypatch, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        store = BucketObjects("s3://shop/releases")
        assert refused(lambda: store.missing(["0" * 64])).endswith(": Unable to locate credentials")


def test_wrong_credentials_of_s3_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with emulator("s3", tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="0") as port:
        for name, value in environment("s3", port).items():
            monkeypatch.setenv(name, value)
        store = BucketObjects("s3://shop/releases")
        for act in (lambda: store.missing(["0" * 64]), lambda: list(store.get("0" * 64)), store.size):
            said = refused(act)
            assert any(word in said for word in ("Forbidden", "Access Key", "403")), said


def test_azure_without_credentials_is_a_problem_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, [name for name in os.environ if name.startswith("AZURE_")])
    with pytest.raises(FleetError, match="releases cannot be kept in abfs://shop/releases: ") as caught:
        BucketObjects("abfs://shop/releases")
    assert caught.value.hint == "its credentials belong into the environment, as adlfs describes them"


@pytest.mark.long
def test_azure_that_is_away_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client would try for minutes."""
    for name, value in environment("abfs", 1).items():
        monkeypatch.setenv(name, value)
    store = BucketObjects("abfs://shop/releases")
    assert refused(lambda: store.missing(["0" * 64])).endswith(": no answer in time")
