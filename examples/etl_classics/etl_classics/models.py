"""SQL models, as dbt has them: a SELECT in a file is a table, and a SELECT that finds rows is a test that failed."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from etl_classics.errors import BadData
from etl_classics.warehouse import CONNECTION, copy_rows, make_tables, transaction

SEEDS = Path(__file__).parents[1] / "seeds"
SHOWN = 5
_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


def seed(name: str, file: str, warehouse: str = CONNECTION) -> dict[str, int]:
    """A table from a CSV file of ``seeds/``, every column text."""
    schema = _checked(name)
    with (SEEDS / file).open(encoding="utf-8", newline="") as text:
        lines = csv.reader(text)
        header, rows = tuple(next(lines)), [tuple(row) for row in lines]
    columns = ", ".join(f'"{column}" text' for column in header)
    _make_schema(schema, warehouse)
    with transaction(warehouse) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})")
        copy_rows(cursor, name, tuple(f'"{column}"' for column in header), rows)
    return {"rows": len(rows)}


def build(name: str, select: str, warehouse: str = CONNECTION) -> dict[str, int]:
    """Make the table anew; readers see the old one until the new one is whole."""
    schema = _checked(name)
    _make_schema(schema, warehouse)
    with transaction(warehouse) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}__new; CREATE TABLE {name}__new AS {select}")
        cursor.execute(f"SELECT count(*) FROM {name}__new")
        rows = int(cursor.fetchone()[0])
        cursor.execute(f"DROP TABLE IF EXISTS {name}; ALTER TABLE {name}__new RENAME TO {name.partition('.')[2]}")
    print(f"{name}: {rows:,} rows")
    return {"rows": rows}


def expect_none(name: str, select: str, warehouse: str = CONNECTION) -> None:
    """Find the rows that break a rule.

    Raises:
        BadData: there are some; the first ones are named.
    """
    with transaction(warehouse) as cursor:
        cursor.execute(select)
        columns = [column.name for column in cursor.description]
        wrong = [tuple(row) for row in cursor.fetchall()]
    if wrong:
        shown = "\n".join(", ".join(f"{c}={v}" for c, v in zip(columns, row, strict=True)) for row in wrong[:SHOWN])
        raise BadData(f"{name}: {len(wrong):,} {'row breaks' if len(wrong) == 1 else 'rows break'} the rule\n{shown}")
    print(f"{name}: no row breaks the rule")


def _make_schema(schema: str, warehouse: str) -> None:
    """In a transaction of its own, so that models that are built at the same time wait only for this."""
    with transaction(warehouse) as cursor:
        make_tables(cursor, f"CREATE SCHEMA IF NOT EXISTS {schema}")


def _checked(name: str) -> str:
    """The schema of ``schema.table``; both become part of a statement."""
    if not _NAME.fullmatch(name):
        raise BadData(f"'{name}' is not schema.table in small letters")
    return name.partition(".")[0]
