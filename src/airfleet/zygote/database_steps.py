"""Steps of a fleet's start on its database: the migration, and connections, variables and pools. [A]"""

from __future__ import annotations

import json
import sys
from typing import Any

import psycopg

from airfleet.agent.database import adoption, airflow_revisions, schema_fitness
from airfleet.fleet.planning import default_settings
from airfleet.metadata import installation, schema_lock, triggers
from airfleet.metadata.migrations import record
from airfleet.metadata.migrations.runner import SchemaRefused
from airfleet.system import connection_timeouts
from airfleet.zygote import migration, preload
from airfleet.zygote.component_settings import Options, use_database


def migrate(options: Options) -> None:
    """Run ``airflow db migrate`` when the database is not at this Airflow's schema; one host at a time."""
    use_database()
    with schema_lock.alone(_database_url()):
        _migrate()
    if options.get("objects") == "none":
        _say_what_is_left()


def _migrate() -> None:
    """Bring the schema to this Airflow's, and put ours on it; an existing schema changes as a whole or not at all.

    A schema that this Airflow or this airfleet does not know is left as it is.
    """
    from airflow.utils import db

    revisions = airflow_revisions.installed()
    found = _schema_in_database()
    has_managers = preload.asks_database()
    if sentence := _misfit(found, revisions, has_managers):
        sys.exit(sentence)
    if found is None:
        db.upgradedb()
    _migrate_whole(found, revisions)
    if found == revisions.head:
        print("the database has this Airflow's schema already")
    elif found is not None:
        db.upgradedb()  # beside the migrations: the default pool, the schemas of other managers
    if has_managers:
        _migrate_auth_manager()
    _settle()


def _misfit(found: str | None, revisions: airflow_revisions.Revisions, has_managers: bool) -> str | None:
    """Return why this schema is left as it is; None when it may be migrated."""
    if found is not None and revisions.after(found) is None:
        return schema_fitness.unknown_revision(found, revisions)
    with psycopg.connect(_database_url(), autocommit=True) as connection:
        if sentence := record.refusal_of(connection):
            return sentence
    return _tables_of_managers_too_new() if has_managers else None


def _migrate_whole(found: str | None, revisions: airflow_revisions.Revisions) -> None:
    """Run Airflow's migrations and make our tables, in one transaction."""
    with migration.whole(_database_url()) as connection:
        foreign = adoption.is_foreign(connection)
        if found not in (None, revisions.head):
            triggers.remove(connection)  # or they block a migration that changes their tables
            migration.upgrade(connection)
        _install(connection)
        if foreign and found is not None:
            print(*adoption.adopt(connection, *_bundles()), sep="\n")


def _install(connection: psycopg.Connection[Any]) -> None:
    """Bring airfleet's tables and triggers to this version. Raises SystemExit with a sentence."""
    try:
        for applied in installation.install(connection):
            print(f"migration {applied} was applied to the tables of airfleet")
    except SchemaRefused as refused:
        sys.exit(str(refused))


def _bundles() -> tuple[str, frozenset[str]]:
    """Return the bundle of the folder of pipelines, and all bundles of the fleet."""
    from airflow.configuration import conf

    bundles: Any = conf.getjson("dag_processor", "dag_bundle_config_list")
    return default_settings.BUNDLE_NAME, frozenset(str(bundle["name"]) for bundle in bundles)


def _settle() -> None:
    with psycopg.connect(_database_url(), autocommit=True) as connection:
        try:
            connection_timeouts.settle(connection)
        except psycopg.Error as refused:
            print(f"the database keeps its own timeouts for silent clients: {refused}")


def _migrate_auth_manager() -> None:
    """Bring the tables of the auth manager to its schema: it may be newer than Airflow's own tables."""
    from airflow.utils.db_manager import RunDBManager
    from airflow.utils.session import create_session

    with create_session() as session:
        RunDBManager().upgradedb(session)


def _tables_of_managers_too_new() -> str | None:
    """Return that a provider (FAB) does not know the revision of its own tables; None when each does."""
    from airflow.utils.db_manager import RunDBManager
    from airflow.utils.session import create_session

    with create_session() as session:
        for kind in RunDBManager()._managers:
            manager: Any = kind(session)  # type: ignore[operator]  # classes, which Airflow declares as their objects
            found = manager.get_current_revision()
            known = {revision.revision for revision in manager.get_script_object().walk_revisions()}
            if found is not None and found not in known:
                return schema_fitness.unknown_tables(type(manager).__module__, manager.version_table_name, found)
    return None


def _say_what_is_left() -> None:
    from airflow.utils.session import create_session

    from airfleet.zygote import airflow_objects as objects

    with create_session() as session:
        for kept in objects.left(session):
            print(kept)


def objects(_: Options) -> None:
    """Write the connections, variables and pools of ``fleet.yaml``."""
    from airflow.configuration import conf
    from airflow.utils.session import create_session

    from airfleet.zygote import airflow_objects as objects

    use_database()
    with create_session() as session:
        for done in objects.write(json.loads(conf.get("airfleet", "objects")), session):
            print(done)


def _database_url() -> str:
    from airflow import settings

    url = settings.get_engine().url.set(drivername="postgresql")
    return str(url.render_as_string(hide_password=False))


def _schema_in_database() -> str | None:
    from airflow import settings
    from sqlalchemy import inspect, text

    with settings.get_engine().connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found else None
