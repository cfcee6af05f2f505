"""The warehouse: a PostgreSQL database, by the Airflow connection of that name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.postgres.hooks.postgres import PostgresHook

CONNECTION = "warehouse"
#: tables are made under this lock: two runs that begin at once would both find that one is missing
_MAKING_TABLES = 4_711


@contextmanager
def transaction(connection_id: str = CONNECTION) -> Iterator[Any]:
    """A cursor; all that is done with it is there together, or not at all."""
    connection = PostgresHook(postgres_conn_id=connection_id).get_conn()
    try:
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
    finally:
        connection.close()  # what was not committed is undone


def make_tables(cursor: Any, statements: str) -> None:
    """Carry out ``CREATE … IF NOT EXISTS`` statements, one run at a time."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING_TABLES,))
    cursor.execute(statements)


def copy_rows(cursor: Any, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Append rows in bulk. ``table`` and ``columns`` are the program's own words, never a user's."""
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
