"""A store and hosts that the test plays: who is asked, in which order, and what is told."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.releases import fetcher
from airfleet.releases.exchange.store_with_hosts import WRONG_BYTES, StoreWithHosts
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import Places
from airfleet.releases.stores.objects import Bulk, Damaged, Missing, StoreUnreachable

FILES = {"a.py": b"a = 1", "b.py": b"b = 2", "large.bin": b"x" * 100_000}


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


RELEASE = Manifest(tuple(File(path, named(content), len(content)) for path, content in FILES.items()))


class Played:
    """A store without a way to take many at once."""

    def __init__(self, contents: Iterable[bytes] = ()) -> None:
        self.contents = {named(content): content for content in contents}
        self.error: Exception | None = None
        #: bytes after which it breaks off
        self.breaks_after: int | None = None
        self.asked: list[str] = []

    def get(self, digest: str) -> Iterator[bytes]:
        self.asked.append(digest)
        if self.error:
            raise self.error
        if digest not in self.contents:
            raise Missing(digest)
        content = self.contents[digest]
        if self.breaks_after is not None:
            yield content[: self.breaks_after]
            raise StoreUnreachable("the line is dead")
        yield content

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        return frozenset(digests) - self.contents.keys()

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        self.contents[digest] = b"".join(content)

    def delete(self, digests: Collection[str]) -> None:
        self.contents = {name: content for name, content in self.contents.items() if name not in digests}

    def digests(self) -> Iterator[str]:
        yield from self.contents

    def size(self) -> int:
        return sum(map(len, self.contents.values()))


class PlayedBulk(Played):
    """A store, or a host, that gives many at once."""

    def __init__(self, contents: Iterable[bytes] = ()) -> None:
        super().__init__(contents)
        self.times = 0

    def put_many(self, contents: Iterable[tuple[str, bytes]]) -> None:
        self.contents.update(contents)

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        self.times += 1
        if self.error:
            raise self.error
        yield from ((digest, self.contents[digest]) for digest in digests if digest in self.contents)


class Host(PlayedBulk):
    def __str__(self) -> str:
        return "the api-server b:8080"


def fetched(tmp_path: Path, store: Any, *hosts: Host, **options: Any) -> list[tuple[str, str]]:
    """Fetch the release; what was told. Its bytes are those of the release then."""
    told: list[tuple[str, str]] = []
    objects = StoreWithHosts(store, hosts, lambda place, why: told.append((place, why)), **options)
    tree = fetcher.fetch(RELEASE, objects, Places(tmp_path))
    assert {path: (tree / path).read_bytes() for path in FILES} == FILES
    return told


def test_the_store_alone_is_asked_while_it_gives_everything(tmp_path: Path) -> None:
    store, host = Played(FILES.values()), Host(FILES.values())
    assert fetched(tmp_path, store, host) == []
    assert (host.asked, host.times) == ([], 0)


@pytest.mark.parametrize("kind", [StoreUnreachable("the disk is away"), Missing("f" * 64)], ids=["away", "empty"])
def test_a_host_gives_everything_that_the_store_does_not_the_small_ones_at_once(
    kind: Exception, tmp_path: Path
) -> None:
    store, host = Played(), Host(FILES.values())
    store.error = kind
    why = "the disk is away" if isinstance(kind, StoreUnreachable) else "the store has no object ffffffffffff"
    assert fetched(tmp_path, store, host) == [("the api-server b:8080", why)]
    assert (host.times, host.asked) == (1, [named(FILES["large.bin"])])


def test_a_store_that_is_away_is_asked_once(tmp_path: Path) -> None:
    store, host = Played(), Host(FILES.values())
    store.error = StoreUnreachable("the disk is away")
    fetched(tmp_path, store, host)
    assert len(store.asked) == 1


@pytest.mark.parametrize("path", FILES)
def test_an_object_with_a_flipped_bit_comes_from_a_host(path: str, tmp_path: Path) -> None:
    store, host = Played(FILES.values()), Host(FILES.values())
    digest = named(FILES[path])
    store.contents[digest] = bytes([FILES[path][0] ^ 1]) + FILES[path][1:]
    assert fetched(tmp_path, store, host) == [("the api-server b:8080", "the store gave wrong bytes")]
    assert (host.asked, host.times) == ([digest], 0)


def test_an_object_without_end_comes_from_a_host(tmp_path: Path) -> None:
    store, host = Played(FILES.values()), Host(FILES.values())
    store.contents[named(FILES["a.py"])] = b"y" * 1_000_000
    fetched(tmp_path, store, host)


def test_wrong_bytes_of_a_host_are_refused_and_the_next_one_is_asked(tmp_path: Path) -> None:
    store, wrong, right = Played(), Host(FILES.values()), Host(FILES.values())
    wrong.contents = dict.fromkeys(wrong.contents, b"zzzzz")
    fetched(tmp_path, store, wrong, right)
    assert len(right.asked) >= 1


def test_a_store_that_breaks_off_within_an_object_is_gone_on_without(tmp_path: Path) -> None:
    store, host = Played([FILES["large.bin"]]), Host(FILES.values())
    store.breaks_after = 50_000
    fetched(tmp_path, store, host)


def test_when_nobody_gives_an_object_each_one_is_named(tmp_path: Path) -> None:
    store, host, other = Played(), Host(), Host()
    store.error = StoreUnreachable("the disk is away")
    other.error = StoreUnreachable("the other host is away")
    with pytest.raises(StoreUnreachable) as caught:
        fetched(tmp_path, store, host, other)
    assert "the disk is away" in str(caught.value)
    assert "the api-server b:8080 has no object " in str(caught.value)
    assert "the other host is away" in str(caught.value)


def test_bytes_that_are_wrong_everywhere_are_refused(tmp_path: Path) -> None:
    store, host = Played(FILES.values()), Host(FILES.values())
    for one in (store, host):
        one.contents = dict.fromkeys(one.contents, b"zzzzz")
    with pytest.raises(Damaged):
        fetched(tmp_path, store, host)
    assert not Places(tmp_path).tree(RELEASE.digest).exists()


@pytest.mark.parametrize("error", [StoreUnreachable("away"), Missing("f" * 64)])
def test_of_a_store_that_all_share_only_wrong_bytes_are_taken_elsewhere(error: Exception, tmp_path: Path) -> None:
    store, host = PlayedBulk(FILES.values()), Host(FILES.values())
    store.contents[named(FILES["a.py"])] = b"zzzzz"
    assert len(fetched(tmp_path / "one", store, host, failures=WRONG_BYTES)) == 1
    store.error = error
    with pytest.raises(type(error)):
        fetched(tmp_path / "two", store, host, failures=WRONG_BYTES)


def test_whoever_stores_objects_stores_them_in_the_store() -> None:
    store = Played()
    objects = StoreWithHosts(store, [Host(FILES.values())], lambda place, why: None)
    assert isinstance(objects, Bulk)
    one, two = named(b"one"), named(b"two")
    assert objects.missing({one, two}) == {one, two}
    objects.put(one, [b"o", b"ne"])
    objects.put_many([(two, b"two")])
    assert (store.contents, objects.size()) == ({one: b"one", two: b"two"}, 6)
    objects.delete({one})
    assert list(objects.digests()) == [two]
    assert objects.threads == 1
