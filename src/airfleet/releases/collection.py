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
from airfleet.releases.registry import About, Action
from airfleet.releases.stores.objects import Objects

YOUNG: Final = dt.timedelta(hours=1)

#: one statement, so that all of it is true at one moment: between two, a rollback may move the pointer
_RECORDS: LiteralString = """
SELECT digest, statement_timestamp() - created_at,
    digest IN (SELECT live.digest FROM airfleet_release_live live),
    digest IN (SELECT bundle_version FROM dag_run WHERE state IN ('queued', 'running') AND bundle_version IS NOT NULL),
    digest IN (SELECT bundle_version FROM dag WHERE bundle_version IS NOT NULL AND NOT is_stale)
FROM airfleet_release ORDER BY created_at DESC, digest"""
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


@dataclass(frozen=True)
class Record:
    """One release, with all that decides whether it stays."""

    digest: str
    age: dt.timedelta
    is_live: bool = False
    #: whether a run names it that is not over
    has_runs: bool = False
    #: whether the newest version of a Dag names it
    has_dags: bool = False


def records(connection: psycopg.Connection[Any]) -> tuple[Record, ...]:
    """Read all releases, newest first, as they are at one moment."""
    return tuple(Record(*row) for row in connection.execute(_RECORDS))


def kept(records: Sequence[Record], keep: int) -> frozenset[str]:
    """Return the digests of those ``records``, newest first, that stay."""
    newest = {one.digest for one in records[: max(keep, 1)]}
    needed = {one.digest for one in records if one.is_live or one.has_runs or one.has_dags or one.age < YOUNG}
    return frozenset(newest | needed)


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
        found = records(connection)
        staying = kept(found, keep)
        gone = [one.digest for one in found if one.digest not in staying]
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
