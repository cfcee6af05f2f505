"""The releases on the disk of this host, as its agent finds and changes them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing, suppress

from airfleet.agent.releases.connection import connect
from airfleet.agent.releases.fetches import FetchFailed
from airfleet.errors import FleetError
from airfleet.releases import fetcher, registry, stores
from airfleet.releases.environments import folders, preparation
from airfleet.releases.objects import Damaged, Missing, StoreUnreachable
from airfleet.releases.places import Places


class HostReleases:
    """Implements :class:`airfleet.agent.releases.watch.ReleaseDisk`.

    ``store`` is what fleet.yaml names, ``user`` the one that tasks run as, where it is another.
    """

    def __init__(self, places: Places, database_url: str, store: str, user: str | None = None) -> None:
        self._places = places
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
                objects = stores.open_store(self._store, connection)
                fetcher.fetch(registry.manifest(connection, digest), objects, self._places)
            except StoreUnreachable as away:
                raise FetchFailed(str(away)) from away
            except Missing as missing:
                raise FetchFailed(f"the store has no object {str(missing)[:12]}", is_certain=True) from missing
            except (Damaged, ValueError) as damaged:
                raise FetchFailed(str(damaged), is_certain=True) from damaged
            except FleetError as refused:
                raise FetchFailed(refused.sentence, is_certain=True) from refused

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
