"""The store of a fleet, and the api-servers of other hosts: an object that one does not give comes from another.

The store is asked first. After it failed (it is away, has not the object, or gave wrong bytes), the hosts are asked,
each in turn. A source that was away is asked last for the rest of the fetch.

Bytes are streamed, so it is known at their end alone whether they are those of the digest. The fetcher, which verifies
them, asks again for an object that it refused; a source that gave wrong bytes of it is asked after the others then.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol, TypeAlias

from airfleet.releases.stores.objects import SMALL, Bulk, Damaged, Missing, Objects, StoreUnreachable, threads

#: reasons to ask the next source
Failures: TypeAlias = tuple[type[Exception], ...]
#: of a store to which each host has a way of its own
ANY: Final[Failures] = (Damaged, Missing, StoreUnreachable)
#: of a store that is the same for all hosts, and without which none works
WRONG_BYTES: Final[Failures] = (Damaged,)
#: takes the source that helped, and the reason why it was asked
Tell: TypeAlias = Callable[[str, str], None]


class Host(Protocol):
    """The objects of another host; its text names it."""

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing, StoreUnreachable."""

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield those small objects that are there. Raises StoreUnreachable."""


@dataclass(eq=False)
class _Source:
    """The store or a host, as one fetch has found it. ``failures`` are those after which another one is asked."""

    name: str
    get: Callable[[str], Iterator[bytes]]
    failures: Failures
    is_away: bool = False
    #: objects that it began to give, until their bytes are found to be right
    doubts: Counter[str] = field(default_factory=Counter)


class StoreWithHosts:
    """Implements Objects, for one fetch. ``tell`` is called once, when the first object comes from another host.

    ``failures`` are those of the store after which hosts are asked; others are raised.
    """

    def __init__(self, store: Objects, hosts: Sequence[Host], tell: Tell, failures: Failures = ANY) -> None:
        self._objects = store
        self._store = _Source("the store", store.get, failures)
        self._hosts = [(host, _Source(str(host), host.get, ANY)) for host in hosts]
        self._tell = tell
        self._lock = threading.Lock()
        self._has_told = False
        #: the last failure of the store
        self._why = "the store gave wrong bytes"

    @property
    def threads(self) -> int:
        """Return how many objects the store gives at once."""
        return threads(self._objects)

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing, Damaged, StoreUnreachable."""
        refusals: list[str] = []
        for source in self._in_order(digest):
            try:
                pieces = source.get(digest)
                first = next(pieces, b"")
            except source.failures as error:
                refusals.append(self._noted(source, error))
                continue
            self._tell_of(source)
            yield from _streamed(source, digest, first, pieces)
            return
        raise StoreUnreachable("; ".join(refusals))

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield small objects: those of a store that gives many at once, or else those of hosts if the store fails."""
        if isinstance(self._objects, Bulk):
            yield from self._objects.get_many(digests)
        elif digests and (content := self._tried(min(digests))) is not None:
            yield min(digests), content  # the store gives the others as well, several at once
        elif digests:
            yield from self._many_of_hosts(set(digests))

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the store has not."""
        return self._objects.missing(digests)

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Store an object."""
        self._objects.put(digest, content)

    def put_many(self, contents: Iterable[tuple[str, bytes]]) -> None:
        """Store small objects."""
        if isinstance(self._objects, Bulk):
            self._objects.put_many(contents)
            return
        for digest, content in contents:
            self._objects.put(digest, [content])

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects of the store."""
        self._objects.delete(digests)

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object of the store."""
        return self._objects.digests()

    def size(self) -> int:
        """Return the bytes that all objects take in the store."""
        return self._objects.size()

    # --- sources -----------------------------------------------------------------------------------

    def _in_order(self, digest: str) -> list[_Source]:
        sources = [self._store, *(source for _, source in self._hosts)]
        return sorted(sources, key=lambda source: (source.is_away, source.doubts[digest]))

    def _tried(self, digest: str) -> bytes | None:
        """Ask the store for one small object; None when it does not give it."""
        if self._store.is_away:
            return None
        found = bytearray()
        try:
            for piece in self._store.get(digest):
                found += piece
                if len(found) > SMALL:
                    break
        except self._store.failures as error:
            self._noted(self._store, error)
            return None
        return bytes(found)

    def _many_of_hosts(self, left: set[str]) -> Iterator[tuple[str, bytes]]:
        for host, source in self._hosts:
            try:
                for digest, content in host.get_many(frozenset(left)):
                    self._tell_of(source)
                    left.discard(digest)
                    yield digest, content
            except source.failures as error:
                self._noted(source, error)

    def _noted(self, source: _Source, error: Exception) -> str:
        """Note a failure, and return it as a sentence."""
        source.is_away = source.is_away or isinstance(error, StoreUnreachable)
        sentence = f"{source.name} has no object {str(error)[:12]}" if isinstance(error, Missing) else str(error)
        if source is self._store:
            self._why = sentence
        return sentence

    def _tell_of(self, source: _Source) -> None:
        with self._lock:
            is_first = source is not self._store and not self._has_told
            self._has_told = self._has_told or is_first
        if is_first:
            self._tell(source.name, self._why)


def _streamed(source: _Source, digest: str, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of an object. Raises Damaged where they break off: whoever takes them asks again."""
    source.doubts[digest] += 1
    found = hashlib.sha256()
    try:
        for piece in chain((first,), rest):
            found.update(piece)
            yield piece
    except StoreUnreachable as error:
        if StoreUnreachable not in source.failures:
            raise
        source.is_away = True
        raise Damaged(f"object {digest[:12]} broke off: {error}") from error
    if found.hexdigest() == digest:
        del source.doubts[digest]
