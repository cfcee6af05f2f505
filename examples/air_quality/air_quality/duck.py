"""A DuckDB session that keeps to a given memory and spills into a given folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

#: enough for two threads to sort many million rows by spilling; more is faster
MEMORY = "256MB"
THREADS = 2
#: small row groups let a reader of one place or month skip the rest
PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"


@contextlib.contextmanager
def session(spill: Path, memory: str = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session in memory; what does not fit goes to ``spill``. ``memory`` is like ``256MB``."""
    spill.mkdir(parents=True, exist_ok=True)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": THREADS,
        "temp_directory": str(spill),
        # nothing is loaded from the network, whatever a file says
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(config=settings)
    connection.execute("SET enable_progress_bar = false")  # a log is no terminal
    try:
        yield connection
    finally:
        connection.close()


def name(identifier: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: object) -> str:
    """A string literal as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"


def parquet(path: Path) -> str:
    """A Parquet file as a table of a query."""
    return f"read_parquet({text(path)})"


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """How many rows a table has."""
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])
