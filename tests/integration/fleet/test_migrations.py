"""Migrations of airfleet's own tables on a real PostgreSQL: from every earlier schema, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest

from airfleet.agent.cluster.leases import HostIdentity, Leases
from airfleet.drill.waiting import wait_until
from airfleet.metadata import installation
from airfleet.metadata.migrations import record, runner
from airfleet.metadata.migrations.migration import Migration, shipped
from airfleet.metadata.migrations.runner import SchemaRefused
from support import fleet_databases
from support.databases import NewDatabase

NUMBERS = [one.number for one in shipped()]
NEXT = Migration(len(shipped()) + 1, "next", "CREATE TABLE airfleet_next (one int)")

COLUMNS: LiteralString = """
SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity
FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE 'airfleet%' ORDER BY 1, 3
"""
CONSTRAINTS: LiteralString = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text LIKE 'airfleet%' ORDER BY 1, 2
"""
INDEXES: LiteralString = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename LIKE 'airfleet%' ORDER BY indexname
"""
VIEWS: LiteralString = "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1"
#: sessions of this database that wait for an advisory lock
WAITING: LiteralString = """
SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
#: a process that stays in the middle of its migrations
IN_THE_MIDDLE = """\
import sys, psycopg
from airfleet.metadata.migrations import runner
from airfleet.metadata.migrations.migration import Migration, shipped
slow = Migration(len(shipped()) + 1, "slow", "SELECT pg_sleep(60)")
with psycopg.connect(sys.argv[1]) as connection:
    runner.apply(connection, (*shipped(), slow))
"""
SLEEPS: LiteralString = """
SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%'
AND pid <> pg_backend_pid()
"""


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database("migrated")


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def schema(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    questions = {"columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES, "views": VIEWS}
    return {name: connection.execute(question).fetchall() for name, question in questions.items()}


@pytest.fixture(scope="module")
def fresh(new_database: NewDatabase) -> dict[str, list[tuple[Any, ...]]]:
    """The schema of a database that never had another one."""
    with psycopg.connect(new_database("fresh"), autocommit=True) as connection:
        runner.apply(connection)
        return schema(connection)


def count(connection: psycopg.Connection[Any], question: LiteralString) -> int:
    row = connection.execute(question).fetchone()
    assert row is not None
    return int(row[0])


# --- from every earlier schema ---------------------------------------------------------------------


def test_an_empty_database_gets_all_and_the_record_says_so(database: psycopg.Connection[Any]) -> None:
    assert runner.apply(database) == shipped()
    assert [(one.number, one.name, one.digest) for one in record.read(database)] == [
        (one.number, one.name, one.digest) for one in shipped()
    ]


def test_a_second_time_nothing_is_applied(database: psycopg.Connection[Any]) -> None:
    runner.apply(database)
    before = database.execute("SELECT * FROM airfleet_migration").fetchall()
    assert runner.apply(database) == ()
    assert database.execute("SELECT * FROM airfleet_migration").fetchall() == before


@pytest.mark.parametrize("number", NUMBERS)
def test_each_migration_applies_to_its_predecessor(
    number: int, database: psycopg.Connection[Any], fresh: dict[str, list[tuple[Any, ...]]]
) -> None:
    runner.apply(database, shipped()[: number - 1])
    assert runner.apply(database, shipped()[:number]) == shipped()[number - 1 : number]
    assert runner.apply(database) == shipped()[number:]
    assert schema(database) == fresh


@pytest.mark.parametrize("version", fleet_databases.VERSIONS)
def test_a_fleet_without_numbers_comes_to_the_schema_of_a_fresh_one(
    version: str, url: str, database: psycopg.Connection[Any], fresh: dict[str, list[tuple[Any, ...]]]
) -> None:
    fleet_databases.restore(version, url)
    assert runner.apply(database) == shipped()
    assert schema(database) == fresh


@pytest.mark.parametrize("version", fleet_databases.VERSIONS)
def test_rows_of_a_fleet_without_numbers_are_kept(version: str, url: str, database: psycopg.Connection[Any]) -> None:
    fleet_databases.restore(version, url)
    before = {table: rows(database, table) for table in fleet_databases.TABLES}
    assert all(before.values()), "the dump has rows in every table"
    runner.apply(database)
    assert {table: rows(database, table) for table in fleet_databases.TABLES} == before


def rows(connection: psycopg.Connection[Any], table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()


def test_a_fleet_without_numbers_that_lacks_a_table_gets_it(url: str, database: psycopg.Connection[Any]) -> None:
    """A fleet without connections, variables and pools in its file never made their table."""
    fleet_databases.restore("4e2fc1f", url)
    database.execute("DROP TABLE airfleet_objects")
    runner.apply(database)
    assert rows(database, "airfleet_objects") == []


def test_hosts_of_a_fleet_without_numbers_go_on_with_their_leases(url: str, database: psycopg.Connection[Any]) -> None:
    fleet_databases.restore("4e2fc1f", url)
    runner.apply(database)
    with closing(Leases(url)) as leases:
        me = HostIdentity("one", "boot-1", "one.boot-1", 11, "10.0.0.1", 8795)
        renewed, found = leases.renew(me, [{"name": "scheduler", "state": "healthy"}])
    assert renewed is not None
    assert {row.host: row.state for row in found} == {"one": "up", "three": "gone", "two": "left"}
    assert {row.host: row.ended_by for row in found}["three"] == "one"
    assert {row.host: dict(row.orders) for row in found}["one"] == {"scale": {"worker": 2}}


def test_lost_attempts_of_a_fleet_without_numbers_are_still_numbered_onwards(
    url: str, database: psycopg.Connection[Any]
) -> None:
    fleet_databases.restore("4e2fc1f", url)
    runner.apply(database)
    most = count(database, "SELECT max(number) FROM airfleet_lost")
    database.execute(
        "INSERT INTO airfleet_lost (ti_id, celery_id, dag_id, run_id, task_id, map_index, try_number, hostname)"
        " VALUES (gen_random_uuid(), 'c', 'd', 'r', 't', -1, 1, 'one')"
    )
    assert count(database, "SELECT max(number) FROM airfleet_lost") == most + 1


def test_an_airfleet_without_numbers_finds_a_version_that_it_does_not_know(database: psycopg.Connection[Any]) -> None:
    """It reads this and compares the version with its own, which is 1."""
    runner.apply(database)
    ((version, airfleet),) = database.execute("SELECT version, airfleet FROM airfleet_schema").fetchall()
    assert version == len(shipped()) > 1
    assert airfleet == record.read(database)[-1].airfleet


def test_a_host_has_no_other_state_than_those_of_the_code(url: str, database: psycopg.Connection[Any]) -> None:
    fleet_databases.restore("4e2fc1f", url)
    runner.apply(database)
    with pytest.raises(psycopg.errors.CheckViolation, match="airfleet_host_state"):
        database.execute("UPDATE airfleet_host SET state = 'lost'")


# --- refused -----------------------------------------------------------------------------------------


def test_a_newer_schema_is_refused_and_left_as_it_is(database: psycopg.Connection[Any]) -> None:
    runner.apply(database, (*shipped(), NEXT))
    before = schema(database)
    with pytest.raises(
        SchemaRefused, match=r"^the database is of a newer airfleet \(.*\): it has migration 0\d+ \(next\)"
    ):
        runner.apply(database)
    assert schema(database) == before


def test_a_schema_of_other_migrations_is_refused(database: psycopg.Connection[Any]) -> None:
    runner.apply(database)
    database.execute("UPDATE airfleet_migration SET digest = 'other' WHERE number = 2")
    with pytest.raises(SchemaRefused, match=r"^the database is of another airfleet"):
        runner.apply(database)


def test_a_role_without_rights_gets_a_sentence_and_nothing_changes(url: str, database: psycopg.Connection[Any]) -> None:
    fleet_databases.restore("4e2fc1f", url)
    before, name = schema(database), f"guest_{url.rpartition('_')[2]}"
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'word'".encode())
    database.execute(
        f"GRANT ALL ON SCHEMA public TO {name}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}".encode()
    )
    parts = urlsplit(url)
    guest = psycopg.connect(f"postgresql://{name}:word@{parts.hostname}:{parts.port}{parts.path}")
    with closing(guest), pytest.raises(SchemaRefused) as refused:
        installation.install(guest)
    said = str(refused.value)
    assert said.startswith(f"role '{name}' may not change what airfleet has in the database: must be owner of ")
    assert schema(database) == before


# --- whole or not at all -------------------------------------------------------------------------------


def test_a_migration_that_fails_takes_those_before_it_back(url: str, database: psycopg.Connection[Any]) -> None:
    fleet_databases.restore("4e2fc1f", url)
    before = schema(database)
    fails = Migration(NEXT.number, "fails", "CREATE TABLE airfleet_next (one int); SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        runner.apply(database, (*shipped(), fails))
    assert schema(database) == before


def test_a_process_that_is_killed_in_the_middle_leaves_nothing_half_done(
    url: str, database: psycopg.Connection[Any]
) -> None:
    fleet_databases.restore("4e2fc1f", url)
    before = schema(database)
    with subprocess.Popen([sys.executable, "-c", IN_THE_MIDDLE, url]) as process:
        wait_until(lambda: count(database, SLEEPS) == 1, 20, "all migrations but the last one are made")
        process.kill()
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    )
    assert runner.apply(database) == shipped()  # waits for the lock, so for the end of the other transaction
    assert before != schema(database)
    assert [one.number for one in record.read(database)] == NUMBERS


def test_of_two_hosts_at_once_the_second_waits_and_finds_nothing_to_do(
    url: str, database: psycopg.Connection[Any]
) -> None:
    done: list[tuple[Migration, ...]] = []

    def second() -> None:
        with psycopg.connect(url) as connection:
            done.append(runner.apply(connection))

    with psycopg.connect(url) as first:
        first.execute("SELECT")  # its transaction holds the lock until it commits
        applied = runner.apply(first)
        other = threading.Thread(target=second)
        other.start()
        wait_until(lambda: count(database, WAITING) == 1, 10, "the second host waits")
        assert done == []
        first.commit()
    other.join(10)
    assert (applied, done) == (shipped(), [()])


def test_while_a_table_is_in_use_a_migration_lets_it_go_and_tries_again(
    url: str, database: psycopg.Connection[Any]
) -> None:
    runner.apply(database, shipped()[:3])
    tries: list[float] = []
    with psycopg.connect(url) as user, psycopg.connect(url) as migrates:
        user.execute("SELECT * FROM airfleet_host")

        def sleep(seconds: float) -> None:
            """Meanwhile another host can renew its lease, and the first user ends."""
            tries.append(seconds)
            database.execute("SET lock_timeout = '1s'; UPDATE airfleet_host SET renewed_at = now()")
            user.commit()

        assert runner.apply(migrates, sleep=sleep) == shipped()[3:]
    assert tries == [0.5]


def test_a_table_that_is_never_free_ends_the_migration(url: str, database: psycopg.Connection[Any]) -> None:
    runner.apply(database, shipped()[:3])
    tries: list[float] = []
    with psycopg.connect(url) as user:
        user.execute("SELECT * FROM airfleet_host")
        with pytest.MonkeyPatch.context() as quick, pytest.raises(psycopg.errors.LockNotAvailable):
            quick.setattr(runner, "TRIES", 2)
            runner.apply(database, sleep=tries.append)
    assert len(tries) == 1
    assert [one.number for one in record.read(database)] == NUMBERS[:3]


def test_a_timeout_of_the_callers_transaction_stays(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL lock_timeout = '30s'")
        runner.apply(connection)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("30s",)
