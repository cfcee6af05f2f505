"""Hosts whose api-servers give objects of releases to this one, where its store does not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg

from airfleet.events import Event, Log
from airfleet.fleet.planning.plan import ReleaseHosts
from airfleet.releases import registry
from airfleet.releases.exchange.host_objects import HostObjects
from airfleet.releases.exchange.store_with_hosts import ANY, WRONG_BYTES, StoreWithHosts
from airfleet.releases.manifest import SHORT
from airfleet.releases.news import ReleaseState
from airfleet.releases.stores.objects import DATABASE_STORE, Objects


class OtherHosts:
    """The other hosts with api-servers, as the plan names them."""

    def __init__(self, hosts: ReleaseHosts, log: Log) -> None:
        self._hosts = hosts
        self._log = log

    @property
    def names(self) -> Collection[str]:
        """Name them."""
        return self._hosts.urls.keys()

    def beside(self, objects: Objects, store: str, digest: str) -> Objects:
        """Give the store with these hosts beside it, for the fetch of one release."""
        hosts = [HostObjects(url, self._hosts.key) for urls in self._hosts.urls.values() for url in urls]

        def tell(place: str, why: str) -> None:
            self._log(Event.RELEASE_FROM_HOST, release=digest[:SHORT], place=place, why=why)

        return StoreWithHosts(objects, hosts, tell, WRONG_BYTES if store == DATABASE_STORE else ANY)

    def are_fetching(self, connection: psycopg.Connection[Any], digest: str) -> bool:
        """Tell whether one of them is about to have a release."""
        states = registry.host_states(connection, digest)
        return any(one.host in self.names and one.state is ReleaseState.FETCHING for one in states)
