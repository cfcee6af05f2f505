"""Other hosts that have a release which this host could not fetch: each of them is a reason to try again at once."""

from __future__ import annotations

from collections.abc import Callable, Collection


class ReadyElsewhere:
    """Which of ``hosts``, whose api-servers give objects, were ready when this host looked last."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = frozenset(hosts)
        #: releases of which some host said something
        self._heard: set[str] = set()
        #: release -> hosts that had it
        self._ready: dict[str, frozenset[str]] = {}

    def hear(self, digest: str) -> None:
        """Note that a host said something of a release."""
        if self._hosts:
            self._heard.add(digest)

    def take(self, failed: Collection[str], ready: Callable[[str], Collection[str]]) -> frozenset[str]:
        """Return which of the releases that failed here one more host has since; ``ready`` names the hosts that do.

        News of a release that is no failure, since it is being fetched for instance, is kept until it is one.
        """
        found = {digest: self._hosts & set(ready(digest)) for digest in self._heard.intersection(failed)}
        self._heard -= found.keys()
        again = frozenset(digest for digest, hosts in found.items() if hosts - self._ready.get(digest, frozenset()))
        self._ready.update(found)
        return again

    def forget(self, wanted: Collection[str]) -> None:
        """Forget all releases but these."""
        self._heard &= set(wanted)
        self._ready = {digest: hosts for digest, hosts in self._ready.items() if digest in set(wanted)}
