"""The collection of releases that nobody needs: which stay, and the removal of the others with their objects.

A release stays while it is live, while a run that is not over names it, while a Dag's newest version names it, while it
is among the newest, or while it is younger than an hour. It runs under the lock of pushes, so a push that counts on an
object in the store finds it there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg

from airfleet.releases import push_lock, registry
from airfleet.releases.objects import Objects
from airfleet.releases.registry import About, Release

#: releases that stay when fleet.yaml does not say it
KEPT: Final = 10
YOUNG: Final = dt.timedelta(hours=1)
_NEWEST: Final = 10_000

_OF_DAGS: LiteralString = "SELECT DISTINCT bundle_version FROM dag WHERE bundle_version IS NOT NULL AND NOT is_stale"
_NOW: LiteralString = "SELECT clock_timestamp()"
_REMOVE: LiteralString = "DELETE FROM airfleet_release WHERE digest = ANY (%s)"


@dataclass(frozen=True)
class Collected:
    """The releases that are gone, and how many objects went with them."""

    releases: tuple[str, ...] = ()
    objects: int = 0


def kept(
    releases: Sequence[Release], live: str | None, used: Collection[str], keep: int, now: dt.datetime
) -> frozenset[str]:
    """Return the digests of those ``releases``, newest first, that stay."""
    newest = {one.digest for one in releases[: max(keep, 1)]}
    young = {one.digest for one in releases if now - one.created_at < YOUNG}
    return frozenset(newest | young | set(used) | ({live} if live else set()))


def needed(connection: psycopg.Connection[Any], keep: int = KEPT) -> frozenset[str]:
    """Return the digests that stay now, as the database says."""
    row = connection.execute(_NOW).fetchone()
    assert row is not None, "a clock tells the time"
    live = registry.live(connection)
    used = {*registry.in_use(connection), *(str(version) for (version,) in connection.execute(_OF_DAGS))}
    return kept(registry.releases(connection, _NEWEST), live.digest if live else None, used, keep, row[0])


def collect(connect: Callable[[], psycopg.Connection[Any]], objects: Objects, keep: int, about: About) -> Collected:
    """Remove what nobody needs. Raises Held while a push is under way, StoreUnreachable, psycopg.Error."""
    with push_lock.hold(connect, about), connect() as connection:
        staying = needed(connection, keep)
        gone = [one.digest for one in registry.releases(connection, _NEWEST) if one.digest not in staying]
        if gone:
            # First the records: an object without a record is only waste.
            connection.execute(_REMOVE, [gone])
        unused = _unused(connection, objects, (one.digest for one in registry.releases(connection, _NEWEST)))
        objects.delete(unused)
    return Collected(tuple(gone), len(unused))


def _unused(connection: psycopg.Connection[Any], objects: Objects, digests: Iterable[str]) -> list[str]:
    used: set[str] = set()
    for digest in digests:
        used |= {file.digest for file in registry.manifest(connection, digest).files}
    return [digest for digest in objects.digests() if digest not in used]
