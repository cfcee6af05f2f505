"""The record of applied migrations, table ``airfleet_migration``; which are pending, and why a schema is refused.

::

    no record, no table of ours      an Airflow that is no fleet, or nothing       all migrations are pending
    no record, tables of ours        a fleet before migrations had numbers         all are pending; the first ones
                                                                                   make what is missing
    a record that ours begins with   an older airfleet                             the rest is pending
    our record                       this airfleet                                 none is pending
    a longer record                  a newer airfleet                              refused
    another record                   an airfleet that was never released           refused
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from airfleet.metadata.migrations.migration import Migration, shipped

CREATE: LiteralString = """
CREATE TABLE IF NOT EXISTS airfleet_migration (
    number int PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    airfleet text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
WRITE: LiteralString = """
INSERT INTO airfleet_migration (number, name, digest, airfleet)
VALUES (%(number)s, %(name)s, %(digest)s, %(airfleet)s)
"""
_IS_THERE: LiteralString = "SELECT to_regclass('airfleet_migration') IS NOT NULL"
_READ: LiteralString = "SELECT number, name, digest, airfleet FROM airfleet_migration ORDER BY number"


@dataclass(frozen=True)
class Applied:
    """A migration that a database has, and the version of the airfleet that applied it."""

    number: int
    name: str
    digest: str
    airfleet: str


def read(connection: psycopg.Connection[Any]) -> tuple[Applied, ...]:
    """Return the applied migrations, oldest first; none where no migration was ever applied."""
    if connection.execute(_IS_THERE).fetchone() != (True,):
        return ()
    return tuple(Applied(*row) for row in connection.execute(_READ).fetchall())


def pending(applied: Sequence[Applied], known: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return the migrations that a database lacks, oldest first, when :func:`refusal` has nothing against it."""
    return tuple(known[len(applied) :])


def refusal(applied: Sequence[Applied], known: Sequence[Migration]) -> str:
    """Return why this airfleet has to leave the database alone, as a sentence; empty when it may use it.

    >>> first, second = Migration(1, "hosts", "SELECT 1"), Migration(2, "leases", "SELECT 2")
    >>> both = [Applied(one.number, one.name, one.digest, "0.2.0") for one in (first, second)]
    >>> refusal(both[:1], [first, second])
    ''
    >>> refusal(both, [first])
    'the database is of a newer airfleet (0.2.0): it has migration 0002 (leases), the newest here is 0001 (hosts)'
    """
    if len(applied) > len(known):
        last, newest = applied[-1], str(known[-1]) if known else "none"
        whose = f"the database is of a newer airfleet ({last.airfleet})"
        return f"{whose}: it has migration {Migration(last.number, last.name, '')}, the newest here is {newest}"
    for one, ours in zip(applied, known, strict=False):
        if (one.number, one.digest) != (ours.number, ours.digest):
            return f"the database is of another airfleet ({one.airfleet}): its migration {ours} is not the one here"
    return ""


def refusal_of(connection: psycopg.Connection[Any]) -> str:
    """Return why the airfleet that is installed has to leave this database alone; empty when it may use it."""
    return refusal(read(connection), shipped())
