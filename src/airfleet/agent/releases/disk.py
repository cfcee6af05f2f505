"""The releases on the disk of this host, as its agent finds and changes them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing, suppress
from typing import Any, Final

import psycopg

from airfleet.agent.releases.connection import connect
from airfleet.agent.releases.fetches import FetchFailed
from airfleet.agent.releases.other_hosts import OtherHosts
from airfleet.errors import FleetError
from airfleet.releases import fetcher, registry
from airfleet.releases.environments import folders, preparation
from airfleet.releases.exchange.closed_store import ClosedStore
from airfleet.releases.places import Places
from airfleet.releases.stores import opening
from airfleet.releases.stores.objects import Damaged, Missing, Objects, StoreUnreachable

#: hints for people: a push sends what the store lacks, and with the option what is damaged there
_PUSH: Final = "\nhint: airfleet push"
_VERIFY: Final = "\nhint: airfleet push --verify"


class HostReleases:
    """Implements :class:`airfleet.agent.releases.watch.ReleaseDisk`.

    ``store`` is what fleet.yaml names, ``user`` the one that tasks run as, where it is another, and ``others`` are the
    hosts that give what the store does not.
    """

    def __init__(
        self, places: Places, database_url: str, store: str, user: str | None = None, others: OtherHosts | None = None
    ) -> None:
        self._places = places
        self._others = others
        self._database_url = database_url
        self._store = store
        self._user = user

    def tidy(self) -> None:
        """Remove what an agent before this one left half fetched."""
        fetcher.remove_partial(self._places)

    def live(self) -> str | None:
        """Read which release is live here."""
        return self._places.live_digest()

    def trees(self) -> frozenset[str]:
        """List the whole releases that are here, with their Python environments."""
        return frozenset(filter(self._is_ready, fetcher.local_trees(self._places)))

    def unbuilt(self) -> frozenset[str]:
        """List the releases whose files are here, and whose Python environments are not."""
        return frozenset(one for one in fetcher.local_trees(self._places) if not self._is_ready(one))

    def fetch(self, digest: str) -> None:
        """Bring a release here, and build its Python environments. Raises FetchFailed, psycopg.Error, OSError."""
        self._bring(digest)
        try:
            preparation.prepare(self._places, self._places.tree(digest), self._user)
        except preparation.NotReady as refused:
            raise FetchFailed(str(refused), is_certain=True) from refused

    def _bring(self, digest: str) -> None:
        with closing(connect(self._database_url)) as connection:
            try:
                objects = self._objects(connection, digest)
                fetcher.fetch(registry.manifest(connection, digest), objects, self._places)
            except StoreUnreachable as away:
                raise FetchFailed(str(away), is_awaited=self._is_awaited(connection, digest)) from away
            except Missing as missing:
                raise FetchFailed(f"the store has no object {str(missing)[:12]}{_PUSH}", is_certain=True) from missing
            except Damaged as damaged:
                may_come = self._others is not None
                awaited = self._is_awaited(connection, digest)
                sentence = f"{damaged}{_VERIFY}"
                raise FetchFailed(sentence, is_certain=not may_come, is_awaited=awaited) from damaged
            except ValueError as damaged:
                raise FetchFailed(f"{damaged}{_PUSH}", is_certain=True) from damaged
            except FleetError as refused:
                raise FetchFailed(refused.sentence, is_certain=True) from refused

    def _objects(self, connection: psycopg.Connection[Any], digest: str) -> Objects:
        """Open the store, with other hosts beside it. Raises FleetError for one that this host cannot open at all."""
        try:
            objects = opening.open_store(self._store, connection)
        except (FleetError, StoreUnreachable) as closed:
            if self._others is None:
                raise
            objects = ClosedStore(closed.sentence if isinstance(closed, FleetError) else str(closed))
        return objects if self._others is None else self._others.beside(objects, self._store, digest)

    def _is_awaited(self, connection: psycopg.Connection[Any], digest: str) -> bool:
        """Tell whether another host is about to give a release; not while the database is away."""
        with suppress(psycopg.Error):
            return self._others is not None and self._others.are_fetching(connection, digest)
        return False

    def activate(self, digest: str) -> None:
        """Make a release that is here the live one."""
        fetcher.activate(self._places, digest)

    def retire(self) -> None:
        """Have no live release any more."""
        with suppress(FileNotFoundError):
            self._places.live.unlink()

    def drop(self, digests: Collection[str]) -> None:
        """Delete these, with the files and the environments that no other one has."""
        fetcher.remove(self._places, digests)
        folders.collect(self._places)

    def _is_ready(self, digest: str) -> bool:
        return preparation.is_ready(self._places, self._places.tree(digest))
