"""Adoption: the Dags and runs of an Airflow that was no fleet move to the fleet's bundle.

Dags and runs of Airflow's own folder of Dags belong to its bundle ``dags-folder``. A fleet has no such bundle, so
active runs would fail. They move to the bundle of the fleet's folder of pipelines, where the same files are expected at
the same places. Dags of other bundles stay, with a sentence about active runs whose bundle the fleet does not have.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString

import psycopg
from psycopg import sql

#: Airflow's name for the bundle of its folder of Dags
FOLDER = "dags-folder"

_IS_FOREIGN: LiteralString = "SELECT num_nonnulls(to_regclass('airfleet_schema'), to_regclass('airfleet_lost')) = 0"
_HAS_BUNDLES: LiteralString = "SELECT to_regclass('dag_bundle') IS NOT NULL"
_BUNDLES: LiteralString = "SELECT name::text FROM dag_bundle"
#: every column that names a bundle: by a foreign key, or by its own name
_COLUMNS: LiteralString = """
SELECT c.relname::text, a.attname::text FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND (
    a.attname = 'bundle_name' OR EXISTS (
        SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.conrelid = c.oid AND a.attnum = ANY (r.conkey)
        AND r.confrelid = to_regclass('dag_bundle')
    )
) ORDER BY 1, 2
"""
_COPY: LiteralString = """
INSERT INTO dag_bundle
SELECT made.* FROM dag_bundle b, jsonb_populate_record(b, jsonb_build_object('name', %(new)s::text)) made
WHERE b.name = %(old)s
"""
_UNDER_WAY: LiteralString = """
SELECT d.bundle_name::text, count(*)::int FROM dag_run r JOIN dag d ON d.dag_id = r.dag_id
WHERE r.state IN ('queued', 'running') AND d.bundle_name <> ALL (%s) GROUP BY 1 ORDER BY 1
"""


def is_foreign(connection: psycopg.Connection[Any]) -> bool:
    """Return whether no fleet has used this database yet."""
    return connection.execute(_IS_FOREIGN).fetchone() == (True,)


def adopt(connection: psycopg.Connection[Any], ours: str, configured: Collection[str]) -> list[str]:
    """Move the folder of Dags to the bundle ``ours``; return sentences about what moved and what stays.

    ``configured``: the bundles of the fleet, ``ours`` among them.
    """
    if connection.execute(_HAS_BUNDLES).fetchone() != (True,):
        return []
    there = {str(name) for (name,) in connection.execute(_BUNDLES)}
    said: list[str] = []
    if FOLDER in there and FOLDER not in configured and ours not in there:
        _rename(connection, FOLDER, ours)
        said.append(f"what was of bundle '{FOLDER}' is of '{ours}' now, which is the fleet's folder of pipelines")
    for bundle, runs in connection.execute(_UNDER_WAY, [list(configured)]):
        whose = f"of bundle '{bundle}', which the fleet does not have"
        said.append(f"runs under way {whose}: {runs}; their tasks will fail")
    return said


def _rename(connection: psycopg.Connection[Any], old: str, new: str) -> None:
    connection.execute(_COPY, {"old": old, "new": new})
    for table, column in connection.execute(_COLUMNS).fetchall():
        change = sql.SQL("UPDATE {} SET {} = %(new)s WHERE {} = %(old)s")
        names = sql.Identifier(table), sql.Identifier(column), sql.Identifier(column)
        connection.execute(change.format(*names), {"old": old, "new": new})
    connection.execute("DELETE FROM dag_bundle WHERE name = %s", [old])
