"""Objects in the fleet's own database: compressed pieces of at most 4 MiB in ``airfleet_release_object``.

An object is written in one transaction, so it is there whole or not at all.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, LiteralString, TypeVar

import psycopg

from airfleet.releases.stores.objects import Damaged, Missing, StoreUnreachable

_Item = TypeVar("_Item")
#: bytes of a piece before it is compressed
PIECE_BYTES: Final = 4 << 20
_LEVEL: Final = 1

_MISSING: LiteralString = """
SELECT wanted FROM unnest(%s::text[]) wanted
WHERE NOT EXISTS (SELECT FROM airfleet_release_object WHERE digest = wanted AND number = 0)"""
_PUT: LiteralString = """
INSERT INTO airfleet_release_object (digest, number, content) VALUES (%s, %s, %s)
ON CONFLICT (digest, number) DO NOTHING"""
_GET: LiteralString = "SELECT content FROM airfleet_release_object WHERE digest = %s AND number = %s"
_PUT_MANY: LiteralString = """
INSERT INTO airfleet_release_object (digest, number, content) SELECT digest, 0, content
FROM unnest(%s::text[], %s::bytea[]) AS given (digest, content)
ON CONFLICT (digest, number) DO NOTHING"""
_GET_MANY: LiteralString = """
SELECT digest, content FROM airfleet_release_object one WHERE digest = ANY (%s) AND number = 0
AND NOT EXISTS (SELECT FROM airfleet_release_object WHERE digest = one.digest AND number = 1)"""
#: small objects in one statement
_AT_ONCE: Final = 200
_DELETE: LiteralString = "DELETE FROM airfleet_release_object WHERE digest = ANY (%s)"
_DIGESTS: LiteralString = "SELECT digest FROM airfleet_release_object WHERE number = 0 ORDER BY digest"
_SIZE: LiteralString = "SELECT pg_total_relation_size('airfleet_release_object')::bigint"


class DatabaseObjects:
    """Objects behind one connection, for one thread."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of ``digests`` that the database has not."""
        with _reached():
            return frozenset(digest for (digest,) in self._connection.execute(_MISSING, [list(digests)]))

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Store an object in one transaction."""
        with _reached(), self._connection.transaction(), self._connection.cursor() as cursor:
            rows = ((digest, number, zlib.compress(piece, _LEVEL)) for number, piece in enumerate(pieces(content)))
            cursor.executemany(_PUT, rows)

    def get(self, digest: str) -> Iterator[bytes]:
        """Yield the pieces of an object, one query each. Raises Missing, Damaged."""
        number = 0
        while True:
            with _reached():
                row = self._connection.execute(_GET, (digest, number)).fetchone()
            if row is None:
                break
            yield unpacked(row[0], digest)
            number += 1
        if number == 0:
            raise Missing(digest)

    def put_many(self, contents: Iterable[tuple[str, bytes]]) -> None:
        """Store small objects, some of them in each statement."""
        for some in batched(contents, _AT_ONCE):
            # In one order: two pushes that store the same objects never wait for each other in a circle.
            ordered = sorted(dict(some).items())
            packed = [zlib.compress(content, _LEVEL) for _, content in ordered]
            with _reached():
                self._connection.execute(_PUT_MANY, ([digest for digest, _ in ordered], packed))

    def get_many(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield objects of one piece, as far as they can be decompressed."""
        for some in batched(sorted(digests), _AT_ONCE):
            with _reached():
                rows = self._connection.execute(_GET_MANY, (list(some),), binary=True).fetchall()
            for digest, packed in rows:
                with suppress(Damaged):
                    yield digest, unpacked(packed, digest)

    def delete(self, digests: Collection[str]) -> None:
        """Remove objects."""
        with _reached():
            self._connection.execute(_DELETE, [list(digests)])

    def digests(self) -> Iterator[str]:
        """Yield the digest of every object."""
        with _reached():
            rows = self._connection.execute(_DIGESTS).fetchall()
        yield from (digest for (digest,) in rows)

    def size(self) -> int:
        """Return the bytes of the table with its index."""
        with _reached():
            row = self._connection.execute(_SIZE).fetchone()
        assert row is not None, "a function has a value"
        return int(row[0])


def batched(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """Give items in groups of ``size``, the last one smaller; Python 3.12 has it.

    >>> list(batched("abc", 2))
    [('a', 'b'), ('c',)]
    """
    left = iter(items)
    while group := tuple(itertools.islice(left, size)):
        yield group


def pieces(content: Iterable[bytes], size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Cut content into pieces of ``size`` bytes; nothing is one empty piece.

    >>> list(pieces([b"abc", b"de"], 2)), list(pieces([]))
    ([b'ab', b'cd', b'e'], [b''])
    """
    held = bytearray()
    given = False
    for part in content:
        held += part
        while len(held) >= size:
            given = True
            yield bytes(held[:size])
            del held[:size]
    if held or not given:
        yield bytes(held)


def unpacked(packed: bytes, digest: str) -> bytes:
    """Decompress a piece, whose content has at most the bytes of a piece. Raises Damaged."""
    decompressor = zlib.decompressobj()
    try:
        piece = decompressor.decompress(packed, PIECE_BYTES)
    except zlib.error as error:
        raise Damaged(f"object {digest[:12]} cannot be decompressed: {error}") from error
    if not decompressor.eof or decompressor.unused_data:
        raise Damaged(f"object {digest[:12]} has a piece of more than {PIECE_BYTES:,} bytes")
    return piece


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreUnreachable(f"the database with the releases: {' '.join(str(error).split())}") from error
