"""The store of a fleet on a host that cannot open it: its library is not installed, or credentials are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NoReturn

from airfleet.releases.stores.objects import StoreUnreachable


class ClosedStore:
    """Implements Objects; each method raises StoreUnreachable with the sentence that says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def missing(self, digests: Collection[str]) -> frozenset[str]:
        """Refuse."""
        self._refuse()

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        """Refuse."""
        self._refuse()

    def get(self, digest: str) -> Iterator[bytes]:
        """Refuse."""
        self._refuse()

    def delete(self, digests: Collection[str]) -> None:
        """Refuse."""
        self._refuse()

    def digests(self) -> Iterator[str]:
        """Refuse."""
        self._refuse()

    def size(self) -> int:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreUnreachable(self._why)
