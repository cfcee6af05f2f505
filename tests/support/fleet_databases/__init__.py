"""Tables of airfleet as fleets left them before migrations had numbers (see README.md)."""

from __future__ import annotations

from pathlib import Path

import psycopg

#: the commits whose code made the tables and wrote the rows
VERSIONS = ("4e2fc1f", "b7b595b")
#: tables that every version has, with rows
TABLES = (
    "airfleet_api",
    "airfleet_callback",
    "airfleet_host",
    "airfleet_lost",
    "airfleet_objects",
    "airfleet_outcome",
)


def restore(version: str, url: str) -> None:
    """Put the tables and rows of this version into a database without any of them."""
    dump = Path(__file__).with_name(f"airfleet-{version}.sql").read_bytes()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump)
