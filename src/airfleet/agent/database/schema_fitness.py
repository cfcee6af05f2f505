"""The check of a schema before a fleet writes to it: is it known here, who has to agree, who may still use it?

Airflow's tables and those of airfleet are checked alike: a newer schema is refused, and an older one changes only while
no component of Airflow sends heartbeats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

from airfleet.agent.database import adoption, airflow_revisions
from airfleet.agent.database.airflow_revisions import Revision, Revisions
from airfleet.agent.database.finding import DatabaseFinding, DatabaseVerdict, quoted, refused, wait
from airfleet.fleet.planning import default_settings
from airfleet.metadata import advisory_locks
from airfleet.metadata.migrations import record
from airfleet.metadata.migrations.migration import shipped
from airfleet.provider_names import of_module, package

#: seconds since its last heartbeat for which a component of another Airflow counts as alive
ALIVE_SECONDS = 30
#: the schemas with Airflow's tables, the current one first
_AIRFLOWS: LiteralString = """
SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'dag_run' AND c.relkind IN ('r', 'p')
ORDER BY n.nspname = current_schema() DESC, n.nspname
"""
_NOT_OURS: LiteralString = """
SELECT relname::text FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
AND relname IN ('dag', 'dag_run', 'task_instance', 'job', 'slot_pool')
AND NOT (
    has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
    AND has_table_privilege(oid, 'DELETE') AND has_table_privilege(oid, 'TRIGGER')
)
ORDER BY relname LIMIT 1
"""
_REVISIONS: LiteralString = "SELECT version_num FROM alembic_version"
_HAS_REVISIONS: LiteralString = "SELECT to_regclass('alembic_version') IS NOT NULL"
_HAS_RUNS: LiteralString = "SELECT to_regclass('dag_run') IS NOT NULL"
_ANY_RUN: LiteralString = "SELECT EXISTS (SELECT FROM dag_run)"
#: a table or view of airfleet that belongs to another role, which only its owner may change
_OF_ANOTHER_OWNER: LiteralString = """
SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')
AND relname LIKE 'airfleet\\_%' AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname LIMIT 1
"""
_OTHERS_HOLD: LiteralString = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32) + objid::bigint = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
_ALIVE: LiteralString = """
SELECT job_type, coalesce(hostname, '?'), extract(epoch FROM clock_timestamp() - latest_heartbeat)::int FROM job
WHERE state = 'running' AND latest_heartbeat > clock_timestamp() - make_interval(secs => %s)
ORDER BY latest_heartbeat DESC LIMIT 1
"""
#: active runs of bundles that a fleet has only when fleet.yaml says so
_ELSEWHERE: LiteralString = """
SELECT d.bundle_name::text, count(*)::int FROM dag_run r JOIN dag d ON d.dag_id = r.dag_id
WHERE r.state IN ('queued', 'running') AND d.bundle_name <> ALL (%s) GROUP BY 1 ORDER BY 1
"""
_UNDER_WAY: LiteralString = "SELECT count(*) FROM dag_run WHERE state IN ('queued', 'running')"


def look(
    connection: psycopg.Connection[Any], revisions: Callable[[], Revisions], may_migrate: bool
) -> DatabaseFinding | None:
    """Return what keeps a fleet from this schema now; None when nothing does. Raises psycopg.Error.

    ``may_migrate``: a person agreed to a migration of Airflow's tables.
    """
    if sentence := record.refusal_of(connection):
        return refused(sentence, "install the airfleet that the other hosts have; nothing was changed")
    if _is(connection, _OTHERS_HOLD, advisory_locks.SCHEMA):
        return wait("another host changes the schema of the database")
    if found := _of_place(connection):
        return found
    if not _is(connection, _HAS_REVISIONS):
        return _of_tables_without_revision(connection)
    at = [str(revision) for (revision,) in connection.execute(_REVISIONS)]
    if not at:
        return _of_tables_without_revision(connection)
    known = revisions()
    missing = known.after(at[0]) if len(at) == 1 else None
    if missing is None:
        return refused(unknown_revision(", ".join(at), known), "nothing was changed")
    if missing and known.is_of_airflow_2(at[0]):
        return refused(*_of_airflow_2(known.airflow_of(at[0])))
    if missing and not may_migrate:
        return _of_migration(connection, known, at[0], missing)
    ours = record.pending(record.read(connection), shipped())
    return (_of_owner(connection) or _of_running_jobs(connection)) if missing or ours else None


def _is(connection: psycopg.Connection[Any], question: LiteralString, *parameters: Any) -> bool:
    return connection.execute(question, parameters).fetchone() == (True,)


def _of_place(connection: psycopg.Connection[Any]) -> DatabaseFinding | None:
    """Refuse Airflow's tables in another schema than the current one, and tables that the role may not use."""
    schemas = [str(schema) for (schema,) in connection.execute(_AIRFLOWS)]
    here = connection.execute("SELECT current_schema()::text, current_user::text, current_database()::text").fetchone()
    assert here is not None
    schema, role, database = here
    if schemas and schemas[0] != schema:
        hint = f"ALTER ROLE {quoted(role)} IN DATABASE {quoted(database)} SET search_path = {quoted(schemas[0])}"
        sentence = f"Airflow's tables stand in schema '{schemas[0]}'; role '{role}' would make new ones in '{schema}'"
        return refused(sentence, f"{hint}; or give the fleet a database of its own")
    row = connection.execute(_NOT_OURS).fetchone()
    if row is None:
        return None
    hint = f"GRANT ALL ON ALL TABLES IN SCHEMA {quoted(schema)} TO {quoted(role)}, or be their owner"
    return refused(f"role '{role}' may not write to table '{row[0]}' and put triggers on it", hint)


def _of_owner(connection: psycopg.Connection[Any]) -> DatabaseFinding | None:
    """Refuse a migration of tables of airfleet that only another role may change."""
    row = connection.execute(_OF_ANOTHER_OWNER).fetchone()
    if row is None:
        return None
    role, table = connection.info.user, row[0]
    sentence = f"role '{role}' may not change table '{table}' of an older airfleet: another role owns it"
    return refused(sentence, f"ALTER TABLE {quoted(table)} OWNER TO {quoted(role)}, for each of them")


def _of_tables_without_revision(connection: psycopg.Connection[Any]) -> DatabaseFinding | None:
    if not (_is(connection, _HAS_RUNS) and _is(connection, _ANY_RUN)):
        return None  # it is empty, or its first start was interrupted
    sentence = "the database has runs of Airflow and no revision of its schema, so nobody knows which Airflow it is of"
    return refused(sentence, "restore its table alembic_version, or name another database")


def unknown_revision(found: str, known: Revisions) -> str:
    """Return a sentence about a database whose revision this Airflow does not know."""
    last = known.known[-1].airflow if known.known else "?"
    return (
        f"the database is of a newer Airflow: the one here does not know its revision {found} (its last is of {last})"
    )


def unknown_tables(module: str, table: str, found: str) -> str:
    """Return a sentence about tables of a provider whose revision the installed one does not know.

    >>> print(unknown_tables("shop.tables", "versions", "ffff"))
    the database has tables of a newer shop: the one here does not know its revision ffff (versions)
    """
    provider = of_module(module)
    whose = package(provider) if provider else module.partition(".")[0]
    return f"the database has tables of a newer {whose}: the one here does not know its revision {found} ({table})"


def _of_airflow_2(version: str) -> tuple[str, str]:
    sentence = f"the database has the schema of Airflow {version}; a fleet takes over databases of Airflow 3"
    return sentence, "bring it to Airflow 3 by Airflow's own upgrade first: docs/how-to/from-stock-airflow.md"


def _of_migration(
    connection: psycopg.Connection[Any], known: Revisions, at: str, missing: tuple[Revision, ...]
) -> DatabaseFinding:
    row = connection.execute(_UNDER_WAY).fetchone()
    runs = row[0] if row is not None else 0
    steps = f"{len(missing)} migration{'s' if len(missing) > 1 else ''}"
    sentence = (
        f"the database has the schema of Airflow {known.airflow_of(at)}; the Airflow here needs {steps}"
        f" (of {airflow_revisions.versions_of(missing)}), after which the older one cannot use it"
    )
    if runs:
        sentence += f"\n{runs} run{'s are' if runs > 1 else ' is'} under way there, to go on here"
        usual = [adoption.FOLDER, default_settings.BUNDLE_NAME]
        for bundle, some in connection.execute(_ELSEWHERE, [usual]):
            needed = f"'{bundle}' in [dag_processor] dag_bundle_config_list, or their tasks fail"
            sentence += f"\n{some} of them need bundle {needed}"
    hint = "end the Airflow that uses it, make a backup (pg_dump), then: airfleet up --migrate"
    return DatabaseFinding(DatabaseVerdict.MIGRATION, sentence, hint)


def _of_running_jobs(connection: psycopg.Connection[Any]) -> DatabaseFinding | None:
    """Wait for a component that sent a heartbeat a moment ago: it may use the tables while they change."""
    row = connection.execute(_ALIVE, [ALIVE_SECONDS]).fetchone()
    if row is None:
        return None
    job, host, seconds = row
    sentence = f"another Airflow uses the database: a {job} on '{host}' was heard {max(0, seconds)} s ago"
    return wait(sentence, f"end it; {ALIVE_SECONDS} s after its last word the fleet starts")
