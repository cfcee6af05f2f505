"""A year's results into PostgreSQL: copied into temporary tables, then swapped for the year's rows.

It is one transaction, and years wait for one another, so whoever looks sees a year as it was or as
it is. Loading the same results again leaves the same rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning import accounts
from lightning.errors import LoadError
from lightning.results import Manifest

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS lightning;
CREATE TABLE IF NOT EXISTS lightning.daily (
    day date PRIMARY KEY, strikes bigint NOT NULL, tiles integer NOT NULL);
CREATE TABLE IF NOT EXISTS lightning.monthly (month date PRIMARY KEY, strikes bigint NOT NULL);
CREATE TABLE IF NOT EXISTS lightning.tiles (
    year integer, longitude numeric(5, 1), latitude numeric(4, 1), strikes bigint NOT NULL, days integer NOT NULL,
    PRIMARY KEY (year, longitude, latitude));
CREATE TABLE IF NOT EXISTS lightning.years (year integer PRIMARY KEY, tiles bigint NOT NULL, strikes bigint NOT NULL);
"""
#: result -> its columns, and which rows of the table are the year's
TABLES = {
    "daily": ("day, strikes, tiles", "extract(year FROM day) = %(year)s"),
    "monthly": ("month, strikes", "extract(year FROM month) = %(year)s"),
    "tiles": ("longitude, latitude, strikes, days", "year = %(year)s"),
}
#: loads take turns; any number that nothing else in the database locks
TURN = 1_987_0424
_BLOCK = 1 << 18


def replace_year(conn_id: str, manifest: Manifest, folder: Path) -> dict[str, Any]:
    """Let the tables hold what the checked results in ``folder`` say of the year; how many rows they are.

    Raises:
        LoadError: the database refuses, or its rows do not add up to the manifest's; it is as it was before.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    accounts.connection(conn_id, "the PostgreSQL that results are loaded into")
    database = PostgresHook(postgres_conn_id=conn_id).get_conn()
    try:
        counts = _replace(database.cursor(), manifest, folder)
        database.commit()
    except LoadError:
        database.rollback()
        raise
    except _errors() as error:
        database.rollback()
        raise LoadError(f"{manifest.year} is not loaded, the database is as it was: {error}".strip()) from error
    finally:
        database.close()
    print(f"{manifest.year}: {manifest.strikes:,} strikes in {counts['daily']} days and {counts['tiles']:,} tiles")
    return {"year": manifest.year, "strikes": manifest.strikes, **counts}


def _replace(cursor: Any, manifest: Manifest, folder: Path) -> dict[str, int]:
    year = {"year": manifest.year}
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
    cursor.execute(SCHEMA)
    counts = {name: _replace_table(cursor, name, manifest, folder) for name in TABLES}
    cursor.execute("DELETE FROM lightning.years WHERE year = %(year)s", year)
    values = (manifest.year, manifest.rows, manifest.strikes)
    cursor.execute("INSERT INTO lightning.years (year, tiles, strikes) VALUES (%s, %s, %s)", values)
    return counts


def _replace_table(cursor: Any, name: str, manifest: Manifest, folder: Path) -> int:
    columns, whose = TABLES[name]
    year = {"year": manifest.year}
    cursor.execute(f"CREATE TEMPORARY TABLE new_{name} (LIKE lightning.{name}) ON COMMIT DROP")
    if name == "tiles":
        cursor.execute(f"ALTER TABLE new_tiles ALTER year SET DEFAULT {manifest.year}")
    for path in manifest.paths(name):
        _copy(cursor, f"COPY new_{name} ({columns}) FROM STDIN (FORMAT csv, HEADER true)", folder / path)
    cursor.execute(f"SELECT count(*), sum(strikes), bool_and({whose}) FROM new_{name}", year)
    count, strikes, ours = cursor.fetchone()
    if strikes != manifest.strikes or not ours:
        raise LoadError(
            f"{manifest.year} is not loaded: {name} has {strikes} strikes where the manifest says {manifest.strikes}"
        )
    cursor.execute(f"DELETE FROM lightning.{name} WHERE {whose}", year)
    cursor.execute(f"INSERT INTO lightning.{name} SELECT * FROM new_{name}")
    return int(count)


def _copy(cursor: Any, statement: str, path: Path) -> None:
    """COPY a file; the hook gives a cursor of psycopg or of psycopg2."""
    with path.open("rb") as file:
        if not hasattr(cursor, "copy"):
            cursor.copy_expert(statement, file)
            return
        with cursor.copy(statement) as copy:
            while block := file.read(_BLOCK):
                copy.write(block)


def _errors() -> tuple[type[Exception], ...]:
    import psycopg
    import psycopg2

    return psycopg.Error, psycopg2.Error
