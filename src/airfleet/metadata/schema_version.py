"""The version of airfleet's own tables in a database, by which hosts of an older airfleet know to leave it alone."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

#: counts up with every change of the tables ``airfleet_*`` that an older airfleet would not understand
VERSION = 1

_CREATE: LiteralString = """
CREATE TABLE IF NOT EXISTS airfleet_schema (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL, airfleet text NOT NULL
)
"""
_WRITE: LiteralString = """
INSERT INTO airfleet_schema AS made (version, airfleet) VALUES (%(version)s, %(airfleet)s)
ON CONFLICT (one) DO UPDATE SET version = excluded.version, airfleet = excluded.airfleet
WHERE made.version < excluded.version
"""
_IS_THERE: LiteralString = "SELECT to_regclass('airfleet_schema') IS NOT NULL"
_READ: LiteralString = "SELECT version, airfleet FROM airfleet_schema"


def install(connection: psycopg.Connection[Any]) -> None:
    """Write down the version of the tables that were just made."""
    from importlib import metadata

    connection.execute(_CREATE)
    connection.execute(_WRITE, {"version": VERSION, "airfleet": metadata.version("airfleet")})


def too_new(connection: psycopg.Connection[Any]) -> str:
    """Why this airfleet has to leave the database alone, as a sentence; empty when it has not to."""
    there = connection.execute(_IS_THERE).fetchone()
    found = connection.execute(_READ).fetchone() if there == (True,) else None
    if found is None or found[0] <= VERSION:
        return ""
    version, airfleet = found
    return f"the database is of a newer airfleet ({airfleet}): tables {version}, here {VERSION}"
