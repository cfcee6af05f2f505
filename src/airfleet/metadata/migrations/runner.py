"""Brings airfleet's own tables to the newest migration: all pending ones in one transaction, or none of them.

The transaction takes an advisory lock first, then reads the record, so of two hosts that start at once the second one
waits and finds nothing pending. A process that is killed, a lost connection and a failed statement leave the database
as it was: the server rolls back.

Other hosts may renew their leases meanwhile. A migration that cannot lock a table soon gives up what it has locked and
tries again, so that no queue forms behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, LiteralString

import psycopg

from airfleet.backoff import Backoff
from airfleet.metadata import advisory_locks
from airfleet.metadata.migrations import record
from airfleet.metadata.migrations.migration import Migration, shipped

#: how often the locks of tables are tried for, and the seconds between two tries
TRIES = 10
_BACKOFF = Backoff(first=0.5, most=3.0)
#: less than the five seconds without a renewal after which a lease no longer counts as steady
_LOCK_TIMEOUT: LiteralString = "SET LOCAL lock_timeout = '2s'"
_KEPT_TIMEOUT: LiteralString = "SELECT current_setting('lock_timeout')"
_SET_TIMEOUT: LiteralString = "SELECT set_config('lock_timeout', %s, true)"
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(%s)"


class SchemaRefused(Exception):
    """airfleet cannot use the tables that the database has; says why in one sentence."""


def apply(
    connection: psycopg.Connection[Any],
    known: Sequence[Migration] | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Migration, ...]:
    """Apply what is pending, within the caller's transaction where there is one; return what was applied.

    Raises SchemaRefused when the schema is newer or another one, and psycopg.Error.
    """
    with connection.transaction():
        connection.execute(_LOCK, (advisory_locks.MIGRATIONS,))
        found = record.read(connection)
        migrations = shipped() if known is None else known
        if why := record.refusal(found, migrations):
            raise SchemaRefused(why)
        missing = record.pending(found, migrations)
        if missing:
            _apply_patiently(connection, missing, sleep)
        return missing


def _apply_patiently(
    connection: psycopg.Connection[Any], missing: Sequence[Migration], sleep: Callable[[float], None]
) -> None:
    for failures in range(1, TRIES + 1):
        try:
            with connection.transaction():  # a savepoint: its locks end with it when it fails
                _apply_now(connection, missing)
            return
        except psycopg.errors.LockNotAvailable:
            if failures == TRIES:
                raise
            sleep(_BACKOFF.delay(failures))


def _apply_now(connection: psycopg.Connection[Any], missing: Sequence[Migration]) -> None:
    kept = connection.execute(_KEPT_TIMEOUT).fetchone()
    assert kept is not None, "a setting has a value"
    connection.execute(_LOCK_TIMEOUT)
    connection.execute(record.CREATE)
    version = metadata.version("airfleet")
    for one in missing:
        told = {"number": one.number, "name": one.name, "digest": one.digest, "airfleet": version}
        connection.execute(one.sql.encode())
        connection.execute(record.WRITE, told)
    connection.execute(_SET_TIMEOUT, kept)
