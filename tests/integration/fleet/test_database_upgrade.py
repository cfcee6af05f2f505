"""The embedded PostgreSQL goes from one major version to another: three real ones, and kills at each step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from airfleet.agent import bootstrap
from airfleet.agent.servers import cluster_server, cluster_switch, embedded_servers, machine_programs, wheel_programs
from airfleet.agent.servers.cluster_server import Cluster, Place
from airfleet.fleet.components import postgres
from airfleet.fleet.config.reader import FILE_NAME, read_file
from airfleet.fleet.servers import secrets
from airfleet.testing.fleet import FleetUnderTest, command

pytestmark = pytest.mark.needs("postgresql")

#: the older PostgreSQL of the wheel, as one of the machine
OLDER = f"system {wheel_programs.every_postgres()[-1].parent}"
STEPS = ("dumping", "restoring", "comparing", "switching")
SECONDS = 120.0

#: values whose text depends on settings, rows that look like a dump, roles, objects and defaults
WRITTEN = """
CREATE TABLE notes (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), wait interval DEFAULT '1 day 2 hours',
    share double precision DEFAULT 0.1 + 0.2, raw bytea DEFAULT '\\x00ff', data jsonb DEFAULT '{"b": 1, "a": [1, 2]}',
    text text);
INSERT INTO notes (text) SELECT 'note ' || n FROM generate_series(1, 20000) n;
INSERT INTO notes (text) VALUES
    (E'SET transaction_timeout = 0;\\nCREATE ROLE airfleet;\\n\\\\.\\nCOPY x FROM stdin;'), (NULL);
CREATE INDEX ON notes (text);
CREATE TABLE "Odd ""name" (airfleet_row int, t int);
INSERT INTO "Odd ""name" VALUES (1, 2);
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER tells BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION told();
CREATE VIEW few AS SELECT * FROM notes WHERE id < 10;
CREATE SCHEMA apart;
CREATE TABLE apart.empty (id int NOT NULL REFERENCES notes DEFAULT 1);
SELECT lo_from_bytea(0, 'large');
"""


@pytest.fixture
def fleet() -> Iterator[FleetUnderTest]:
    """A fleet that is down, with rows in the database of the wheel's newest PostgreSQL."""
    with FleetUnderTest.make("name: shop\n") as made:
        with serving(made) as (port, place):
            with cluster_server.connect(port, place) as admin:
                admin.execute("CREATE ROLE airflow LOGIN PASSWORD 'airflow'")
                admin.execute("CREATE DATABASE airflow OWNER airflow")
                admin.execute("CREATE DATABASE other")
                admin.execute("ALTER ROLE airflow IN DATABASE airflow SET work_mem = '5MB'")
            with cluster_server.connect(port, place, "airflow") as connection:
                connection.execute("SET ROLE airflow")
                connection.execute(WRITTEN)
        yield made


@contextmanager
def serving(fleet: FleetUnderTest) -> Iterator[tuple[int, Place]]:
    """Serve the cluster in use, as a start of the fleet would."""
    for folder in (fleet.paths.home, fleet.paths.runtime, fleet.paths.logs):
        folder.mkdir(parents=True, exist_ok=True)
    fleet.paths.home.chmod(0o711)
    choices = embedded_servers.choices_of(read_file(fleet.root / FILE_NAME, fleet.environ))
    found = embedded_servers.prepare(fleet.paths, euid=os.geteuid(), database=choices["postgres"], broker=None)
    assert found.postgres is not None
    place = Place(fleet.paths, found.user, secrets.load_or_generate(fleet.paths.secrets).postgres_password)
    cluster = Cluster(found.postgres_data, found.postgres, found.postgres_bin)
    with cluster_server.serving(cluster, postgres.settings(found.postgres), place) as port:
        yield port, place


def rows(fleet: FleetUnderTest) -> tuple[object, ...]:
    """The version that serves, and what it has, as clients of the fleet see it."""
    with serving(fleet) as (port, place), cluster_server.connect(port, place, "airflow") as connection:
        found = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, count(*), max(id), twice(21), "
            "(SELECT count(*) FROM few), (SELECT count(*) FROM pg_largeobject_metadata), "
            "max(text) FILTER (WHERE text LIKE 'SET%%') FROM notes"
        ).fetchone()
        assert found is not None
        login = f"host=127.0.0.1 port={port} user=airflow password=airflow dbname=airflow"
        with psycopg.connect(login) as own:  # the role has its password, its rights and its setting
            own.execute("INSERT INTO notes (text) VALUES ('more')")
            (memory,) = own.execute("SELECT current_setting('work_mem')").fetchone() or ("",)
            own.rollback()
        return (*found, memory)


def whole(version: int) -> tuple[object, ...]:
    odd = "SET transaction_timeout = 0;\nCREATE ROLE airfleet;\n\\.\nCOPY x FROM stdin;"
    return (version, 20002, 20002, 42, 9, 1, odd, "5MB")


def upgrade(fleet: FleetUnderTest, choice: str, *more: str) -> subprocess.CompletedProcess[str]:
    fleet.write("fleet.yaml", f"name: shop\ndatabase: {choice}\n")
    return fleet.airfleet("database", "upgrade", *more, seconds=SECONDS)


def system_major() -> int:
    return max(one.version[0] for one in machine_programs.installed_postgres(os.environ))


def test_the_database_goes_from_wheel_to_machine_and_back_with_all_that_it_has(fleet: FleetUnderTest) -> None:
    before, machine = wheel_programs.major(wheel_programs.postgres()[0]), system_major()
    assert rows(fleet) == whole(before)
    dry = upgrade(fleet, "system", "--dry-run")
    assert (dry.returncode, dry.stdout.startswith(f"would bring PostgreSQL {before}.")) == (0, True), dry.stderr
    assert rows_after(fleet, "system") == whole(machine)
    assert rows_after(fleet, OLDER)[0] == 16
    assert rows_after(fleet, "embedded") == whole(before)
    again = upgrade(fleet, "embedded")
    assert again.stdout == "the database is of that major version already\n"
    back = upgrade(fleet, OLDER, "--undo")
    assert (back.returncode, "PostgreSQL 16; the other one is kept" in back.stdout) == (0, True), back.stderr
    assert rows(fleet) == whole(16)


def rows_after(fleet: FleetUnderTest, choice: str) -> tuple[object, ...]:
    done = upgrade(fleet, choice)
    assert done.returncode == 0, done.stderr
    assert "rows are alike; the old one is kept in" in done.stdout
    assert "airfleet database upgrade --undo" in done.stderr
    return rows(fleet)


@pytest.mark.long
def test_an_upgrade_that_is_killed_at_any_step_is_begun_again_and_loses_nothing(fleet: FleetUnderTest) -> None:
    before, machine = wheel_programs.major(wheel_programs.postgres()[0]), system_major()
    for step in STEPS:
        kill_at(fleet, "system", step)
        finished = not cluster_switch.is_under_way(fleet.paths) and cluster_switch.kept(data_of(fleet))
        fleet.write("fleet.yaml", f"name: shop\ndatabase: {'system' if finished else 'embedded'}\n")
        if step != STEPS[-1]:
            assert rows(fleet) == whole(before)  # a start goes on with what there was
    assert upgrade(fleet, "system").returncode == 0
    assert rows(fleet) == whole(machine)
    assert [one.major for one in cluster_switch.kept(data_of(fleet))] == [before]
    assert fleet.pids() == ()
    assert not (data_of(fleet) / "next").exists()
    assert not cluster_switch.dump_folder(data_of(fleet)).exists()


def kill_at(fleet: FleetUnderTest, choice: str, step: str) -> None:
    """End an upgrade by SIGKILL as soon as it says that it begins with a step."""
    fleet.write("fleet.yaml", f"name: shop\ndatabase: {choice}\n")
    words = [*command(), "database", "upgrade"]
    with subprocess.Popen(
        words, cwd=fleet.root, env=dict(fleet.environ), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stderr is not None
        assert any(line.startswith(step) for line in running.stderr), f"it never came to {step}"
        running.send_signal(signal.SIGKILL)
    # what it left is ended by the next command, as here by the next start
    bootstrap.end_leftovers(fleet.paths, 20.0)


def data_of(fleet: FleetUnderTest) -> Path:
    return embedded_servers.data_place(fleet.paths) / "postgres"


@pytest.mark.long
def test_a_copy_with_another_row_takes_no_place(fleet: FleetUnderTest) -> None:
    newer = wheel_programs.postgres()[0].parent
    folder = copy_of_wheel(newer, fleet.root / "tools") / "bin"
    (folder / "psql").rename(folder / "psql.real")
    (folder / "psql").write_text(
        f"#!/bin/sh\nsed 's/note 77\\t/note 78\\t/; s/note 77$/note 78/' | {folder}/psql.real \"$@\"\n"
    )
    (folder / "psql").chmod(0o755)
    assert upgrade(fleet, OLDER).returncode == 0
    failed = upgrade(fleet, f"system {folder}")
    assert failed.returncode == 1
    says = "error: the new cluster is not like the old one: database airflow: table public.notes: 20002 rows, digest"
    assert says in failed.stderr
    assert not cluster_switch.dump_folder(data_of(fleet)).exists()
    assert [one.major for one in cluster_switch.kept(data_of(fleet))] == [
        wheel_programs.major(wheel_programs.postgres()[0])
    ]
    fleet.write("fleet.yaml", f"name: shop\ndatabase: {OLDER}\n")
    assert rows(fleet) == whole(16)


def copy_of_wheel(folder: Path, place: Path) -> Path:
    """Copy an installation of the wheel, and the libraries that it looks for beside its package."""
    package = folder.parent.parent
    shutil.copytree(folder.parent, place / package.name / folder.parent.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), place / f"{package.name}.libs", symlinks=True)
    return place / package.name / folder.parent.name
