"""What is wrong with a database is said before anything is written to it."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest

from airfleet.agent.database import fitness
from airfleet.agent.database.airflow_revisions import Revision, Revisions
from airfleet.agent.database.finding import FIT, DatabaseFinding, DatabaseVerdict
from airfleet.agent.database.fitness import _Server
from airfleet.drill.waiting import wait_until
from airfleet.metadata import schema_lock
from airfleet.metadata.migrations import runner
from airfleet.testing.ports import free_ports
from support.databases import NewDatabase

OF_2, OF_30, OF_33 = (
    Revision("22ed7efa9da2", "", "2.10.0"),
    Revision("29ce7909c52b", "22ed7efa9da2", "3.0.0"),
    Revision("d2f4e1b3c5a7", "29ce7909c52b", "3.3.0"),
)
KNOWN = Revisions((OF_2, OF_30, OF_33))
_ROLES = itertools.count(1)

AIRFLOW: LiteralString = """
CREATE TABLE alembic_version (version_num text);
CREATE TABLE dag (dag_id text, bundle_name text);
CREATE TABLE dag_run (state text, dag_id text DEFAULT 'sales');
CREATE TABLE job (job_type text, hostname text, state text, latest_heartbeat timestamptz);
"""


def look(url: str, *, needs: int = 12, may_migrate: bool = False) -> DatabaseFinding:
    return fitness.look(url, needs=needs, may_migrate=may_migrate, revisions=lambda: KNOWN)


def do(url: str, *statements: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def at(revision: Revision | str) -> LiteralString:
    name = revision if isinstance(revision, str) else revision.name
    return f"INSERT INTO alembic_version VALUES ('{name}')"  # type: ignore[return-value]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database("looked_at")


@pytest.fixture
def role(url: str) -> str:
    """The same database for a role that owns nothing in it, named ``shop_N``."""
    name = f"shop_{next(_ROLES)}"
    do(url, f"CREATE ROLE {name} LOGIN PASSWORD 'word'")  # type: ignore[arg-type]
    parts = urlsplit(url)
    return f"postgresql://{name}:word@{parts.hostname}:{parts.port}{parts.path}"


# --- the server ------------------------------------------------------------------------------------


def test_an_empty_database_is_fit(url: str) -> None:
    assert look(url) == FIT


def test_a_server_that_is_away_is_waited_for(url: str) -> None:
    parts = urlsplit(url)
    (port,) = free_ports(1)
    found = look(url.replace(f":{parts.port}", f":{port}"))
    assert found.verdict is DatabaseVerdict.WAIT
    assert found.sentence.startswith("the database does not answer: ")
    assert found.sentence.endswith("Connection refused")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("/looked", "/nothing_looked"), 'database "nothing_looked'),
        (lambda url: url.replace("//airfleet:", "//nobody:"), 'authentication failed for user "nobody"'),
    ],
    ids=["no such database", "wrong password"],
)
def test_a_server_that_lets_us_not_in_is_not_waited_for(url: str, change: Callable[[str], str], words: str) -> None:
    found = look(change(url))
    assert found.verdict is DatabaseVerdict.REFUSED
    assert words in found.sentence
    assert found.hint == "'database:' in fleet.yaml says where it is and who we are there"


def test_a_server_without_tls_is_not_waited_for_where_the_url_demands_it(url: str) -> None:
    found = look(f"{url}?sslmode=require")
    assert found.verdict is DatabaseVerdict.REFUSED
    assert found.sentence.startswith("the connection to the database is not what its URL demands: connection to server")
    assert found.sentence.endswith(" failed: server does not support SSL, but SSL was required")
    assert found.hint == "turn TLS on there (ssl = on), or say sslmode=disable where the network is trusted"


def test_of_several_servers_one_that_is_away_may_have_it(url: str) -> None:
    parts = urlsplit(url)
    (port,) = free_ports(1)
    several = url.replace(f":{parts.port}", f":{parts.port},{parts.hostname}:{port}")
    assert look(f"{several}?sslmode=require").verdict is DatabaseVerdict.WAIT
    same = url.replace(f":{parts.port}", f":{parts.port},{parts.hostname}:{parts.port}")
    assert look(f"{same}?sslmode=require").verdict is DatabaseVerdict.REFUSED


AT = 'connection to server at "10.0.0.1", port 5432 failed: '
SEE = "see sslmode and its like in 'database:' of fleet.yaml, and the files that they name"
FILE = "sslrootcert in 'database:' names a file of this host, or 'system'"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (f'{AT}root certificate file "/ca.pem" does not exist\nEither provide the file, or ...', FILE),
        (f'{AT}could not read root certificate file "/ca.pem": no certificate or crl found', FILE),
        (f"{AT}SSL error: certificate verify failed", SEE),
        (f'{AT}certificate present, but not private key file "/key"', SEE),
        (f"{AT}channel binding required, but server authenticated client without channel binding", SEE),
        (
            f'{AT}server certificate for "db.internal" does not match host name "10.0.0.1"',
            "call the server in 'database:' by the name that its certificate has",
        ),
        ("invalid SSL protocol version range", SEE),
        ('weak sslmode "disable" may not be used with sslnegotiation=direct', SEE),
    ],
)
def test_what_a_connection_lacks_is_said_and_not_waited_for(said: str, hint: str) -> None:
    kind = "connection failed" if said.startswith(AT) else "connection is bad"
    found = fitness._of_error(psycopg.OperationalError(f"{kind}: {said}"))
    words = f"the connection to the database is not what its URL demands: {said.splitlines()[0]}"
    assert found == DatabaseFinding(DatabaseVerdict.REFUSED, words, hint)


@pytest.mark.parametrize(
    "said",
    [
        f"connection failed: {AT}Connection refused\n\tIs the server running on that host?",
        'connection failed: connection to server at "certificate.internal", port 5432 failed: Connection refused',
        f"connection failed: {AT}SSL error: unexpected eof while reading",
        "failed to resolve host 'db.certificate.internal': [Errno -2] Name or service not known",
    ],
)
def test_a_server_that_may_be_better_soon_is_waited_for(said: str) -> None:
    assert fitness._of_error(psycopg.OperationalError(said)).verdict is DatabaseVerdict.WAIT


SERVER = _Server(180_000, "18.0", "UTF8", False, False, "shop", "air", "public", '"$user", public', True, True, 97)
WRONG = [
    ({"version": 130_011, "version_text": "13.11"}, "the database is PostgreSQL 13.11; a fleet needs 14 or newer"),
    ({"standby": True, "read_only": False}, "the database is a standby, which takes no writes"),
    ({"read_only": True}, "the database is read-only for role 'shop'"),
    (
        {"encoding": "LATIN1"},
        "the database has encoding LATIN1, which cannot hold every text; a fleet needs UTF8",
    ),
    ({"schema": None}, "no schema of the search_path of role 'shop' (\"$user\", public) is there"),
    ({"may_create": False}, "role 'shop' may not make tables in schema 'public'"),
    ({"may_use_plpgsql": False}, "role 'shop' may not use PL/pgSQL, in which the triggers of a fleet are written"),
    (
        {"connections": 11},
        "role 'shop' may have 11 connections to the database; this host needs 12 at rest, and more when there is work",
    ),
]


@pytest.mark.parametrize(("difference", "sentence"), WRONG, ids=[sentence[:40] for _, sentence in WRONG])
def test_what_is_wrong_with_a_server(difference: dict[str, object], sentence: str) -> None:
    server = _Server(**{**SERVER.__dict__, **difference})  # type: ignore[arg-type]
    assert [said for said, _ in fitness._wrong_with(server, 12)] == [sentence]
    assert list(fitness._wrong_with(SERVER, 12)) == []


def test_what_a_role_may_not_do_is_read_from_the_server(url: str, role: str) -> None:
    name = urlsplit(role).username
    found = look(role)
    assert found.sentence == f"role '{name}' may not make tables in schema 'public'"
    assert found.hint == f'GRANT CREATE ON SCHEMA "public" TO "{name}"'
    do(url, f"GRANT CREATE ON SCHEMA public TO {name}")  # type: ignore[arg-type]
    assert look(role) == FIT
    do(url, f"ALTER ROLE {name} CONNECTION LIMIT 5")  # type: ignore[arg-type]
    assert look(role).sentence.startswith(f"role '{name}' may have 5 connections to the database; ")
    do(url, f"ALTER ROLE {name} CONNECTION LIMIT -1", f"ALTER ROLE {name} SET default_transaction_read_only = on")  # type: ignore[arg-type]
    assert look(role).sentence == f"the database is read-only for role '{name}'"
    do(url, f"ALTER ROLE {name} RESET ALL", f"ALTER ROLE {name} SET search_path = elsewhere")  # type: ignore[arg-type]
    assert look(role).sentence == f"no schema of the search_path of role '{name}' (elsewhere) is there"


def test_another_encoding_is_read_from_the_server(url: str) -> None:
    name = f"ascii_{next(_ROLES)}"
    do(url, f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")  # type: ignore[arg-type]
    found = look(url.rpartition("/")[0] + f"/{name}")
    assert found.sentence.startswith("the database has encoding SQL_ASCII, ")


# --- what stands between ---------------------------------------------------------------------------

#: /usr/sbin is on root's PATH alone
PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") or "pgbouncer"
SETTINGS = """
[databases]
* = host={host} port={server} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
"""


@contextmanager
def pooled(url: str, mode: str, folder: Path, *more: str) -> Iterator[str]:
    """The same database behind PgBouncer; ``more`` are lines of its settings."""
    parts = urlsplit(url)
    (port,) = free_ports(1)
    folder.chmod(0o755)
    settings = folder / "pgbouncer.ini"
    made = SETTINGS.format(
        host=parts.hostname, server=parts.port, user=parts.username, password=parts.password, port=port, mode=mode
    )
    settings.write_text("\n".join([made, *more, ""]))
    settings.chmod(0o644)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it does not run as root
    with subprocess.Popen([PGBOUNCER, "-q", *user, settings], stderr=subprocess.DEVNULL) as server:
        through = f"postgresql://{getpass.getuser()}@127.0.0.1:{port}{parts.path}"
        try:
            wait_until(lambda: answers(through), 20, "PgBouncer answers", pause_seconds=0.05)
            yield through
        finally:
            server.kill()


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.needs("pgbouncer")
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_gives_each_transaction_another_session_is_refused(url: str, mode: str, tmp_path: Path) -> None:
    with pooled(url, mode, tmp_path) as through:
        assert look(through) == DatabaseFinding(
            DatabaseVerdict.REFUSED,
            "a pooler stands before the database and gives every transaction another session (PgBouncer:"
            " pool_mode = transaction); locks and LISTEN of a fleet need one that stays",
            "set pool_mode = session for this database, or name PostgreSQL's own port",
        )


@pytest.mark.needs("pgbouncer")
def test_a_pooler_of_sessions_may_stand_between(url: str, tmp_path: Path) -> None:
    with pooled(url, "session", tmp_path) as through:
        assert look(through) == FIT


@pytest.mark.needs("pgbouncer")
def test_a_pooler_with_fewer_sessions_than_a_host_keeps_is_refused(url: str, tmp_path: Path) -> None:
    with pooled(url, "session", tmp_path, "default_pool_size = 3") as through:
        assert look(through, needs=3) == FIT
        assert look(through, needs=4) == DatabaseFinding(
            DatabaseVerdict.REFUSED,
            "the pooler before the database gives 3 sessions at once; this host needs 4 at rest",
            "raise default_pool_size of PgBouncer, or name PostgreSQL's own port",
        )


@pytest.mark.needs("pgbouncer")
def test_a_pooler_whose_sessions_others_have_now_is_not_refused(url: str, tmp_path: Path) -> None:
    with pooled(url, "session", tmp_path, "default_pool_size = 5") as through, ExitStack() as others:
        for _ in range(3):
            others.enter_context(psycopg.connect(through)).execute("SELECT 1")
        assert look(through, needs=4) == FIT


# --- the schema ------------------------------------------------------------------------------------


def test_the_schema_of_this_airflow_is_fit(url: str) -> None:
    do(url, AIRFLOW, at(OF_33))
    assert look(url) == FIT


def test_an_older_schema_is_migrated_when_a_person_agrees(url: str) -> None:
    do(url, AIRFLOW, at(OF_30), "INSERT INTO dag_run VALUES ('running'), ('success'), ('queued')")
    assert look(url) == DatabaseFinding(
        DatabaseVerdict.MIGRATION,
        "the database has the schema of Airflow 3.0.0; the Airflow here needs 1 migration (of 3.3.0),"
        " after which the older one cannot use it\n"
        "2 runs are under way there, to go on here",
        "end the Airflow that uses it, make a backup (pg_dump), then: airfleet up --migrate",
    )
    assert look(url, may_migrate=True) == FIT


def test_runs_of_bundles_that_a_fleet_has_not_by_itself_are_named(url: str) -> None:
    do(
        url,
        AIRFLOW,
        at(OF_30),
        "INSERT INTO dag VALUES ('sales', 'dags-folder'), ('stock', 'from-git')",
        "INSERT INTO dag_run VALUES ('running', 'sales'), ('running', 'stock'), ('queued', 'stock')",
        "INSERT INTO dag_run VALUES ('failed', 'stock')",
    )
    assert look(url).sentence.splitlines()[1:] == [
        "3 runs are under way there, to go on here",
        "2 of them need bundle 'from-git' in [dag_processor] dag_bundle_config_list, or their tasks fail",
    ]


def test_an_airflow_that_still_runs_is_waited_for_to_end(url: str) -> None:
    do(url, AIRFLOW, at(OF_30), "INSERT INTO job VALUES ('SchedulerJob', 'old-1', 'running', clock_timestamp())")
    found = look(url, may_migrate=True)
    assert found.verdict is DatabaseVerdict.WAIT
    assert found.sentence.startswith("another Airflow uses the database: a SchedulerJob on 'old-1' was heard ")
    do(url, "UPDATE job SET latest_heartbeat = clock_timestamp() - interval '31 s'")
    assert look(url, may_migrate=True) == FIT


def test_other_hosts_of_the_fleet_may_run(url: str) -> None:
    alive: LiteralString = "INSERT INTO job VALUES ('SchedulerJob', 'work-1', 'running', clock_timestamp())"
    do(url, AIRFLOW, at(OF_33), alive)
    with psycopg.connect(url) as connection:
        runner.apply(connection)
    assert look(url) == FIT


def test_a_newer_schema_is_left_alone(url: str) -> None:
    do(url, AIRFLOW, at("ffffffffffff"))
    assert look(url, may_migrate=True) == DatabaseFinding(
        DatabaseVerdict.REFUSED,
        "the database is of a newer Airflow: the one here does not know its revision ffffffffffff"
        " (its last is of 3.3.0)",
        "nothing was changed",
    )


def test_a_schema_of_airflow_2_is_left_alone(url: str) -> None:
    do(url, AIRFLOW, at(OF_2))
    found = look(url, may_migrate=True)
    assert found.verdict is DatabaseVerdict.REFUSED
    assert found.sentence == "the database has the schema of Airflow 2.10.0; a fleet takes over databases of Airflow 3"


def test_runs_without_a_revision_are_left_alone(url: str) -> None:
    do(url, AIRFLOW)
    assert look(url) == FIT  # the first start was interrupted
    do(url, "INSERT INTO dag_run VALUES ('success')")
    assert look(url).verdict is DatabaseVerdict.REFUSED


def test_tables_of_a_newer_airfleet_are_left_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        newest = runner.apply(connection)[-1]
        assert look(url) == FIT
        connection.execute("INSERT INTO airfleet_migration VALUES (%s, 'next', '', '0.9')", [newest.number + 1])
    found = look(url)
    assert found.verdict is DatabaseVerdict.REFUSED
    number = f"{newest.number + 1:04}"
    assert found.sentence == (
        f"the database is of a newer airfleet (0.9): it has migration {number} (next), the newest here is {newest}"
    )


def test_tables_of_an_older_airfleet_change_only_while_nothing_uses_them(url: str) -> None:
    alive: LiteralString = "INSERT INTO job VALUES ('SchedulerJob', 'old', 'running', clock_timestamp())"
    ended: LiteralString = "INSERT INTO job VALUES ('SchedulerJob', 'old', 'success', clock_timestamp())"
    do(url, AIRFLOW, at(OF_33), "CREATE TABLE airfleet_lost (number int)", ended)
    assert look(url) == FIT  # a moment after 'airfleet down'
    do(url, alive)
    assert look(url).verdict is DatabaseVerdict.WAIT


def test_tables_of_airfleet_that_another_role_owns_are_found_before_they_have_to_change(url: str, role: str) -> None:
    name = urlsplit(role).username
    do(url, AIRFLOW, at(OF_33), "CREATE TABLE airfleet_lost (number int)")
    do(url, f"GRANT CREATE ON SCHEMA public TO {name}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")  # type: ignore[arg-type]
    found = look(role)
    assert found.verdict is DatabaseVerdict.REFUSED
    assert found.sentence == (
        f"role '{name}' may not change table 'airfleet_lost' of an older airfleet: another role owns it"
    )
    assert found.hint == f'ALTER TABLE "airfleet_lost" OWNER TO "{name}", for each of them'


def test_a_host_that_changes_the_schema_is_waited_for(url: str) -> None:
    with schema_lock.alone(url):
        assert look(url) == DatabaseFinding(DatabaseVerdict.WAIT, "another host changes the schema of the database")
    assert look(url) == FIT


def test_airflows_tables_in_another_schema_are_found(url: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("CREATE SCHEMA flow")
        connection.execute("SET search_path = flow")
        connection.execute(AIRFLOW)
    found = look(url)
    assert found.sentence == (
        "Airflow's tables stand in schema 'flow'; role 'airfleet' would make new ones in 'public'"
    )


def test_tables_of_another_role_are_found(url: str, role: str) -> None:
    name = urlsplit(role).username
    do(url, AIRFLOW, f"GRANT CREATE ON SCHEMA public TO {name}")  # type: ignore[arg-type]
    assert look(role).sentence == f"role '{name}' may not write to table 'dag' and put triggers on it"
