"""The store of objects: contents under their SHA-256, wherever they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol, runtime_checkable

#: what fleet.yaml calls the store that needs nothing else: tables of the fleet's own database
DATABASE_STORE: Final = "database"
#: bytes of an object that travels together with others, where a store takes and gives many at once
SMALL: Final = 64 << 10


class Missing(Exception):
    """The store has no such object."""


class Damaged(Exception):
    """The bytes of an object are not those of its name."""


class StoreUnreachable(Exception):
    """The store does not answer, or refuses; the text says why."""


class Objects(Protocol):
    """Contents by digest. Each method may raise StoreUnreachable."""

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the store has not."""

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Store an object whole, or not at all; an object that is there already stays."""

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Missing."""

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects; one that is not there is no error."""

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object."""

    def size(self) -> int:
        """Return the bytes that all objects take in the store."""


@runtime_checkable
class Bulk(Protocol):
    """A store that takes and gives many objects of at most :data:`SMALL` bytes in one round trip."""

    def put_many(self, contents: Iterable[tuple[str, bytes]]) -> None:
        """Store objects; some of them may be there when it fails."""

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield those that are there; :meth:`Objects.get` says of each other one what is wrong."""


def threads(objects: Objects) -> int:
    """Return how many objects a store takes or gives at once."""
    return int(getattr(objects, "threads", 1))


def checked(content: Iterable[bytes], digest: str, size: int) -> Iterator[bytes]:
    """Yield ``content``, never more than ``size`` bytes. Raises Damaged when it is not what its digest says."""
    found, count = hashlib.sha256(), 0
    for piece in content:
        count += len(piece)
        if count > size:
            raise Damaged(f"object {digest[:12]} has more than its {size:,} bytes")
        found.update(piece)
        yield piece
    if count != size or found.hexdigest() != digest:
        raise Damaged(f"object {digest[:12]} does not have the content of its digest")
