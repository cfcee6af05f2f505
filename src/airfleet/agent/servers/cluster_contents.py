"""The contents of a cluster, by which two of them are compared: rows and their digests, sequences, objects, roles.

A digest is a sum over the MD5 of each row's text, so the order of rows does not matter. The settings that decide how
values become text are the same for all versions of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import LiteralString, TypeAlias

import psycopg
from psycopg import sql

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

_SAME_TEXT: LiteralString = """
SELECT set_config(name, value, false) FROM (VALUES ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'),
    ('timezone', 'UTC'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('search_path', 'pg_catalog')
) AS s (name, value)
"""
_DATABASES: LiteralString = "SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY 1"
_ROLES: LiteralString = """
SELECT 'role ' || rolname, concat_ws(' ', rolsuper, rolcanlogin, rolcreatedb, rolcreaterole, rolpassword)
FROM pg_authid WHERE rolname !~ '^pg_'
"""
_TABLES: LiteralString = """
SELECT n.nspname::text, c.relname::text, pg_get_userbyid(c.relowner)::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
_ROWS: LiteralString = """
SELECT count(*), coalesce(sum(('x' || substr(md5(airfleet_row::text), 1, 15))::bit(60)::bigint), 0)::text
FROM {} AS airfleet_row
"""
_SEQUENCES: LiteralString = """
SELECT 'sequence ' || schemaname || '.' || sequencename, coalesce(last_value::text, '') FROM pg_sequences
"""
#: NOT NULL became a constraint with PostgreSQL 18
_OBJECTS: LiteralString = """
SELECT 'objects of kind ' || kind, count(*)::text FROM (
    SELECT c.relkind::text AS kind, c.relnamespace AS schema FROM pg_class c
    UNION ALL SELECT 'function', pronamespace FROM pg_proc
    UNION ALL SELECT 'constraint', connamespace FROM pg_constraint WHERE contype <> 'n'
    UNION ALL SELECT 'trigger', c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal
) o JOIN pg_namespace n ON n.oid = o.schema WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY 1
UNION ALL SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata
"""


@dataclass(frozen=True)
class Contents:
    """The contents of a cluster: a name of each thing, with a text by which it is compared."""

    values: Mapping[str, str] = field(repr=False)
    tables: int
    rows: int
    databases: tuple[str, ...] = ()


def read(connect: Callable[[str], Connection]) -> Contents:
    """Read all databases of a cluster; ``connect`` connects to one by its name. Raises psycopg.Error."""
    values: dict[str, str] = {}
    counts: list[int] = []
    with connect("postgres") as connection:
        databases = [str(name) for (name,) in connection.execute(_DATABASES)]
        values |= {str(name): str(value) for name, value in connection.execute(_ROLES)}
    for database in databases:
        with connect(database) as connection:
            for name, value, count in _of_database(connection):
                values[f"database {database}: {name}"] = value
                counts += [] if count is None else [count]
    return Contents(values, len(counts), sum(counts), tuple(databases))


def _of_database(connection: Connection) -> Iterator[tuple[str, str, int | None]]:
    """Yield what one database holds: a name, a text, and the number of rows of a table."""
    connection.execute(_SAME_TEXT)
    for schema, table, owner in connection.execute(_TABLES).fetchall():
        named = sql.Identifier(str(schema), str(table))
        row = connection.execute(sql.SQL(_ROWS).format(named)).fetchone()
        assert row is not None
        yield f"table {schema}.{table}", f"{row[0]} rows, digest {row[1]}, of {owner}", int(str(row[0]))
    for query in (_SEQUENCES, _OBJECTS):
        yield from ((str(name), str(value), None) for name, value in connection.execute(query))


def differences(before: Contents, after: Contents) -> tuple[str, ...]:
    """List the things that differ, each as a sentence.

    >>> differences(Contents({"table a": "1 rows"}, 1, 1), Contents({"table a": "0 rows"}, 1, 0))
    ('table a: 1 rows before, 0 rows after',)
    """
    names = dict.fromkeys((*before.values, *after.values))
    pairs = ((name, before.values.get(name, "nothing"), after.values.get(name, "nothing")) for name in names)
    return tuple(f"{name}: {old} before, {new} after" for name, old, new in pairs if old != new)
