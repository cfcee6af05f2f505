"""Databases of Airflows that were no fleets come over whole, or stay as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from airfleet.agent.database import airflow_revisions, fitness
from airfleet.agent.database.finding import FIT, DatabaseVerdict
from airfleet.metadata import heartbeat_trigger, installation, notification_triggers
from airfleet.metadata.migrations import record
from airfleet.metadata.migrations.migration import shipped
from airfleet.zygote import migration
from support import fleet_databases, stock_databases
from support.databases import NewDatabase

HEAD = airflow_revisions.installed().head
BUNDLES = [
    {"name": "pipelines", "classpath": "airfleet.pipelines.airflow.bundle.PipelineBundle", "kwargs": {"path": "."}}
]
#: as a database of 3.0 may have one, written by what its users built on it
DEADLINE: LiteralString = """
INSERT INTO public.deadline (id, dag_id, dagrun_id, deadline, callback, callback_kwargs)
SELECT gen_random_uuid(), dag_id, id, '2040-01-01', 'old.late', '{"who": "me"}'
FROM public.dag_run WHERE dag_id = 'slow'
"""
#: what a migration of 3.3 is about to make
IN_THE_WAY: LiteralString = "CREATE TABLE public.task_state_store (mine int)"
#: as an older airfleet made it, whose function does less
OLDER_TRIGGER: LiteralString = """
CREATE FUNCTION public.airfleet_wake_for_run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
COMMENT ON FUNCTION public.airfleet_wake_for_run() IS 'older';
CREATE TRIGGER airfleet_wake AFTER UPDATE ON public.dag_run FOR EACH ROW
EXECUTE FUNCTION public.airfleet_wake_for_run()
"""
TABLES: LiteralString = """
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
TRIGGERS: LiteralString = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
NAMING: LiteralString = """
SELECT 'dag', bundle_name FROM dag UNION SELECT 'version', bundle_name FROM dag_version
UNION SELECT 'callback', bundle_name FROM callback WHERE bundle_name <> '' UNION SELECT 'bundle', name FROM dag_bundle
"""


@pytest.fixture(scope="module")
def urls(new_database: NewDatabase) -> dict[str, str]:
    """A database of each version, one whose migration fails, one of a newer Airflow, and one of an older fleet."""
    names = (*stock_databases.VERSIONS, "fails", "newer", "fleet")
    made = {name: new_database(f"stock_{name.replace('.', '')}") for name in names}
    for version in stock_databases.VERSIONS:
        stock_databases.restore(version, made[version])
    do(made["3.0.6"], DEADLINE)
    for name in ("fails", "newer", "fleet"):
        stock_databases.restore("3.2.2", made[name])
        with psycopg.connect(made[name], autocommit=True) as connection:
            heartbeat_trigger.install(connection)
    fleet_databases.restore("4e2fc1f", made["fleet"])
    do(made["fleet"], OLDER_TRIGGER)
    do(made["fails"], IN_THE_WAY)
    do(made["newer"], "UPDATE public.alembic_version SET version_num = 'ffffffffffff'")
    return made


@pytest.fixture(scope="module")
def before(urls: dict[str, str]) -> dict[str, object]:
    """What there is before."""
    return {
        **{name: fitness.look(url, needs=12) for name, url in urls.items()},
        "columns": rows(urls["fails"], TABLES),
    }


@pytest.fixture(scope="module")
def said(urls: dict[str, str], before: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the step said of each; nothing when all went well."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "support.migrating"],
        env=environment,
        input=json.dumps(urls),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    found: dict[str, str] = json.loads(ran.stdout.splitlines()[-1])
    return found


def do(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def rows(url: str, query: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("version", stock_databases.VERSIONS)
def test_a_person_is_asked_before(version: str, before: dict[str, object]) -> None:
    found = before[version]
    assert isinstance(found, fitness.DatabaseFinding)
    assert found.verdict is DatabaseVerdict.MIGRATION
    assert "\n1 run is under way there, to go on here" in found.sentence


@pytest.mark.parametrize("version", stock_databases.VERSIONS)
def test_it_comes_over_with_all_its_runs(version: str, urls: dict[str, str], said: dict[str, str]) -> None:
    url = urls[version]
    assert said[version] == ""
    assert rows(url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert sorted(rows(url, "SELECT dag_id, state FROM dag_run")) == [
        ("quick", "success"),
        ("quick", "success"),
        ("slow", "running"),
    ]
    assert rows(url, "SELECT state FROM task_instance WHERE task_id = 'begin'") == [("running",)]
    assert fitness.look(url, needs=12) == FIT


@pytest.mark.parametrize("version", stock_databases.VERSIONS)
def test_what_was_of_the_folder_of_dags_is_of_the_folder_of_pipelines(
    version: str, urls: dict[str, str], said: dict[str, str]
) -> None:
    assert not said[version]
    names = rows(urls[version], NAMING)
    assert {("dag", "pipelines"), ("version", "pipelines"), ("bundle", "pipelines")} <= set(names)
    assert "dags-folder" not in {name for _, name in names}


@pytest.mark.parametrize("version", ["3.0.6", "3.1.8"])
def test_deadlines_and_their_callbacks_come_over(version: str, urls: dict[str, str], said: dict[str, str]) -> None:
    assert not said[version]
    found = rows(urls[version], "SELECT missed, c.type FROM deadline d JOIN callback c ON c.id = d.callback_id")
    assert found == [(False, "triggerer")]


@pytest.mark.parametrize("version", stock_databases.VERSIONS)
def test_ours_is_on_it(version: str, urls: dict[str, str], said: dict[str, str]) -> None:
    assert not said[version]
    with psycopg.connect(urls[version], autocommit=True) as connection:
        assert notification_triggers.installed(connection)


def test_a_fleet_of_an_older_airflow_and_airfleet_keeps_its_rows_and_gets_tables_and_triggers_of_these(
    urls: dict[str, str], said: dict[str, str]
) -> None:
    url = urls["fleet"]
    assert said["fleet"] == ""
    assert rows(url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert rows(url, "SELECT host, state FROM airfleet_host ORDER BY 1") == [
        ("one", "up"),
        ("three", "gone"),
        ("two", "left"),
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        assert [one.number for one in record.read(connection)] == [one.number for one in shipped()]
        assert notification_triggers.installed(connection)
        assert heartbeat_trigger.installed(connection)
        assert installation.install(connection) == ()


def test_a_migration_that_fails_leaves_everything_as_it_was(
    urls: dict[str, str], before: dict[str, object], said: dict[str, str]
) -> None:
    url = urls["fails"]
    assert 'relation "task_state_store" already exists' in said["fails"]
    assert rows(url, TABLES) == before["columns"]
    assert fitness.look(url, needs=12).verdict is DatabaseVerdict.MIGRATION
    assert rows(url, TRIGGERS) == [("job",)]


def test_a_schema_that_is_not_known_is_left_alone(urls: dict[str, str], said: dict[str, str]) -> None:
    assert said["newer"].startswith("the database is of a newer Airflow: the one here does not know its revision ffff")
    assert rows(urls["newer"], TRIGGERS) == [("job",)]


def test_it_takes_as_long_as_it_needs_but_does_not_wait_for_locks(urls: dict[str, str]) -> None:
    with migration.whole(urls["newer"]) as connection:
        connection.rollback()
        limits = [connection.execute(f"SHOW {name}").fetchone() for name in ("lock_timeout", "statement_timeout")]  # type: ignore[arg-type]
        assert limits == [("30s",), ("0",)]


def test_a_commit_in_the_middle_is_none(urls: dict[str, str]) -> None:
    url = urls["newer"]
    with pytest.raises(ZeroDivisionError), migration.whole(url) as connection:
        connection.execute("CREATE TABLE kept (one int)")
        connection.commit()
        connection.execute("CREATE TABLE undone (one int)")
        connection.rollback()
        assert connection.execute("SELECT to_regclass('kept'), to_regclass('undone')").fetchone() == ("kept", None)
        raise ZeroDivisionError
    assert rows(url, "SELECT to_regclass('kept')") == [(None,)]
