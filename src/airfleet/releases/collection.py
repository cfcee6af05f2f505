"""The collection of releases that nobody needs: which stay, and the removal of the others with their objects.

A release stays while it is live, while a run that is not over names it, while a Dag's newest version names it, while it
is among the newest, or while it is younger than an hour. The objects of a push that is under way stay, too.

A collection is safe beside a push, also beside one that was silent for minutes. It decides and deletes in a transaction
that holds a lock of the database. A push reserves its release under the same lock, shared, before it asks what the
store has. So it comes before the decision, and its objects stay, or after the deletion, and it uploads them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg

from airfleet.errors import FleetError
from airfleet.metadata.advisory_locks import RELEASE_OBJECTS
from airfleet.releases import registry
from airfleet.releases.objects import Objects
from airfleet.releases.registry import About, Action, Release

#: releases that stay when fleet.yaml does not say it
KEPT: Final = 10
YOUNG: Final = dt.timedelta(hours=1)
_NEWEST: Final = 10_000

_OF_DAGS: LiteralString = "SELECT DISTINCT bundle_version FROM dag WHERE bundle_version IS NOT NULL AND NOT is_stale"
_NOW: LiteralString = "SELECT clock_timestamp()"
_REMOVE: LiteralString = "DELETE FROM airfleet_release WHERE digest = ANY (%s)"
_LOG: LiteralString = """
INSERT INTO airfleet_release_log (action, digest, author, origin)
SELECT %s, gone, %s, %s FROM unnest(%s::text[]) gone"""
_ALONE: LiteralString = "SELECT pg_advisory_xact_lock(%s)"
_MANIFESTS: LiteralString = """
SELECT digest, manifest FROM airfleet_release
UNION ALL
SELECT digest, manifest FROM airfleet_release_upload WHERE began_at > clock_timestamp() - interval '1 day'"""
#: objects that are judged and deleted in one transaction
_AT_ONCE: Final = 1_000


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
    """Remove what nobody needs. Raises StoreUnreachable, psycopg.Error, FleetError when a manifest is damaged."""
    # Listed outside of transactions: a bucket may take a minute. What is uploaded later is not in the list.
    there = list(objects.digests())
    with connect() as connection:
        gone = _remove_releases(connection, keep, about)
        removed = sum(
            _remove_unused(connection, objects, there[start : start + _AT_ONCE])
            for start in range(0, len(there), _AT_ONCE)
        )
    return Collected(gone, removed)


def _remove_releases(connection: psycopg.Connection[Any], keep: int, about: About) -> tuple[str, ...]:
    """Remove records before objects: an object without a record is only waste, which the next collection removes."""
    with connection.transaction():
        connection.execute(_ALONE, (RELEASE_OBJECTS,))
        staying = needed(connection, keep)
        gone = [one.digest for one in registry.releases(connection, _NEWEST) if one.digest not in staying]
        if gone:
            connection.execute(_REMOVE, [gone])
            connection.execute(_LOG, (Action.COLLECT.value, about.author, about.origin, gone))
    return tuple(gone)


def _remove_unused(connection: psycopg.Connection[Any], objects: Objects, digests: Collection[str]) -> int:
    with connection.transaction():
        connection.execute(_ALONE, (RELEASE_OBJECTS,))
        unused = sorted(set(digests) - _used(connection))
        if unused:
            objects.delete(unused)
    return len(unused)


def _used(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the objects of all releases that are recorded, and of those that are uploaded now."""
    used: set[str] = set()
    for digest, packed in connection.execute(_MANIFESTS):
        try:
            used |= {file.digest for file in registry.unpacked(digest, packed).files}
        except ValueError as damaged:
            raise FleetError(f"{damaged}, so nobody knows which objects it needs", "push that release again") from None
    return used
