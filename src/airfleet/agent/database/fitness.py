"""The check of a database before a fleet writes to it: the connection, the server, a pooler, the schema.

There are four results. The database is fit. The agent waits for it: it does not answer yet, another host changes its
schema, or an Airflow still runs on it. It has the schema of an older Airflow, and a person has to agree to the
migration. It is refused, and a sentence names the next action.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from airfleet.agent.database import airflow_revisions, schema_fitness
from airfleet.agent.database.airflow_revisions import Revisions
from airfleet.agent.database.finding import FIT, DatabaseFinding, quoted, refused, wait
from airfleet.fleet.planning.plan import Plan
from airfleet.system.connection_timeouts import CLIENT

#: the oldest PostgreSQL with which Airflow and the triggers were tested
OLDEST_POSTGRES = 140_000
#: kinds of components that keep connections to the database; the connections of each, and of the agent
USES_DATABASE = frozenset({"scheduler", "dag-processor", "triggerer", "api-server"})
_OF_COMPONENT, _OF_AGENT = 2, 4
#: pairs of clients that are compared before a pooler counts as one of sessions
_TRIES = 5
#: seconds that a pooler may take to give a client a session
_SESSION_SECONDS = 2.0
#: words of a server that answers and refuses the connection, however long one waits
_SHUT = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "is not permitted to log in",
    "permission denied for database",
    "is not currently accepting connections",
)
#: words of libpq about a connection that is not as the URL demands, found before the server lets anybody in
_NOT_AS_DEMANDED = re.compile(
    r"does not support SSL|certificate|private key file|does not match host name|channel binding required"
    r"|encryption required|invalid \S+ value|invalid SSL protocol|weak sslmode"
)
_TLS_HINT = "see sslmode and its like in 'database:' of fleet.yaml, and the files that they name"
_TLS_HINTS = {
    "does not support SSL": "turn TLS on there (ssl = on), or say sslmode=disable where the network is trusted",
    "certificate file": "sslrootcert in 'database:' names a file of this host, or 'system'",
    "does not match host name": "call the server in 'database:' by the name that its certificate has",
}


@dataclass(frozen=True)
class _Server:
    version: int
    version_text: str
    encoding: str
    standby: bool
    read_only: bool
    role: str
    database: str
    schema: str | None
    search_path: str
    may_create: bool
    may_use_plpgsql: bool
    connections: int


_SERVER: LiteralString = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_encoding_to_char(d.encoding),
    pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', current_user::text, d.datname::text,
    current_schema()::text, current_setting('search_path'),
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
    coalesce((SELECT has_language_privilege(oid, 'USAGE') FROM pg_language WHERE lanname = 'plpgsql'), false),
    least(
        current_setting('max_connections')::int - CASE WHEN r.rolsuper THEN 0 ELSE
            current_setting('superuser_reserved_connections')::int
            + coalesce(current_setting('reserved_connections', true), '0')::int END,
        CASE WHEN d.datconnlimit < 0 OR r.rolsuper THEN 2147483647 ELSE d.datconnlimit END,
        CASE WHEN r.rolconnlimit < 0 OR r.rolsuper THEN 2147483647 ELSE r.rolconnlimit END
    )
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""
#: sessions of this role in this database, those that a pooler keeps included
_SESSIONS: LiteralString = """
SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND datname = current_database()
"""


def connections_of(plan: Plan) -> int:
    """Count the connections that a host keeps at rest: those of its agent and of each component."""
    components = sum(component.kind in USES_DATABASE for component in plan.components)
    return _OF_AGENT + _OF_COMPONENT * components


def look(
    url: str,
    *,
    needs: int,
    may_migrate: bool = False,
    revisions: Callable[[], Revisions] = airflow_revisions.installed,
) -> DatabaseFinding:
    """Check the database of ``url`` (for libpq), in which this host needs so many connections; never raises.

    ``may_migrate``: a person agreed to a migration of Airflow's tables.
    """
    try:
        with closing(_connect(url)) as connection:
            return (
                _of_server(connection, needs)
                or _of_pooler(url, connection, needs)
                or schema_fitness.look(connection, revisions, may_migrate)
                or FIT
            )
    except (OSError, psycopg.Error) as away:
        return _of_error(away)


def _connect(url: str) -> psycopg.Connection[Any]:
    # Without client_encoding, psycopg returns bytes instead of text from a database of another encoding.
    own: dict[str, Any] = {**CLIENT, "application_name": "airfleet check", "client_encoding": "utf8"}
    return psycopg.connect(url, autocommit=True, prepare_threshold=None, **own)


def _of_error(error: OSError | psycopg.Error) -> DatabaseFinding:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # No library gives a code for a refusal before the login: there are only the server's words.
    shut = next((line for line in lines if "FATAL" in line and any(words in line for words in _SHUT)), None)
    if shut is not None:
        sentence = f"the database lets nobody in: {shut.removeprefix('connection failed: ')}"
        return refused(sentence, "'database:' in fleet.yaml says where it is and who we are there")
    if _is_other_than_demanded(lines):
        said = lines[0].removeprefix("connection failed: ").removeprefix("connection is bad: ")
        hint = next((hint for words, hint in _TLS_HINTS.items() if words in said), _TLS_HINT)
        return refused(f"the connection to the database is not what its URL demands: {said}", hint)
    return wait(f"the database does not answer: {lines[0].removeprefix('connection failed: ')}")


def _is_other_than_demanded(lines: Sequence[str]) -> bool:
    """Return whether each of the servers failed in that way: one that is away may be as demanded when it is back."""
    if any("failed to resolve" in line for line in lines):
        return False
    reasons = [re.split("failed: |is bad: ", line)[-1] for line in lines if "failed: " in line or "is bad: " in line]
    return bool(reasons) and all(_NOT_AS_DEMANDED.search(reason) for reason in reasons)


# --- the server ------------------------------------------------------------------------------------


def _of_server(connection: psycopg.Connection[Any], needs: int) -> DatabaseFinding | None:
    row = connection.execute(_SERVER).fetchone()
    assert row is not None  # a session has a database and a role
    server = _Server(*row)
    for sentence, hint in _wrong_with(server, needs):
        return refused(sentence, hint)
    return None


def _wrong_with(server: _Server, needs: int) -> Iterator[tuple[str, str | None]]:
    role, schema = server.role, server.schema
    if server.version < OLDEST_POSTGRES:
        oldest = OLDEST_POSTGRES // 10_000
        yield f"the database is PostgreSQL {server.version_text}; a fleet needs {oldest} or newer", None
    if server.standby:
        hint = "name the primary, or all servers with ?target_session_attrs=read-write"
        yield "the database is a standby, which takes no writes", hint
    if server.read_only:
        hint = "see default_transaction_read_only of the server, the database and the role"
        yield f"the database is read-only for role '{role}'", hint
    if server.encoding != "UTF8":
        hint = "make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        yield f"the database has encoding {server.encoding}, which cannot hold every text; a fleet needs UTF8", hint
    if schema is None:
        hint = "make the schema, or ALTER ROLE ... SET search_path"
        yield f"no schema of the search_path of role '{role}' ({server.search_path}) is there", hint
    elif not server.may_create:
        hint = f"GRANT CREATE ON SCHEMA {quoted(schema)} TO {quoted(role)}"
        yield f"role '{role}' may not make tables in schema '{schema}'", hint
    if not server.may_use_plpgsql:
        hint = f"GRANT USAGE ON LANGUAGE plpgsql TO {quoted(role)}"
        yield f"role '{role}' may not use PL/pgSQL, in which the triggers of a fleet are written", hint
    if server.connections < needs:
        hint = "raise max_connections of the server, or the CONNECTION LIMIT of the role or the database"
        sentence = f"role '{role}' may have {server.connections} connections to the database"
        yield f"{sentence}; this host needs {needs} at rest, and more when there is work", hint


# --- the pooler ------------------------------------------------------------------------------------


def _of_pooler(url: str, connection: psycopg.Connection[Any], needs: int) -> DatabaseFinding | None:
    """Refuse a pooler that gives each transaction another session, or gives this host too few sessions.

    Prepared statements, advisory locks and LISTEN need a session that stays.
    """
    if _backend(connection) == connection.info.backend_pid:
        return None  # no pooler
    try:
        keeps = all(_has_its_own_session(url, connection) for _ in range(_TRIES))
    except psycopg.errors.ProtocolViolation:  # pool_mode = statement takes no transaction
        keeps = False
    if keeps:
        return _of_few_sessions(url, connection, needs)
    sentence = "a pooler stands before the database and gives every transaction another session (PgBouncer: pool_mode"
    hint = "set pool_mode = session for this database, or name PostgreSQL's own port"
    return refused(f"{sentence} = transaction); locks and LISTEN of a fleet need one that stays", hint)


def _of_few_sessions(url: str, connection: psycopg.Connection[Any], needs: int) -> DatabaseFinding | None:
    """Refuse a pooler whose sessions do not suffice for this host, each client of which keeps one for ever."""
    with ExitStack() as opened:
        others = (opened.enter_context(closing(_connect(url))) for _ in range(needs - 1))
        if all(_answers(other) for other in others):
            return None
        row = connection.execute(_SESSIONS).fetchone()
    assert row is not None
    if row[0] >= needs:  # enough of them, in use by other clients now
        return None
    sentence = f"the pooler before the database gives {row[0]} sessions at once; this host needs {needs} at rest"
    return refused(sentence, "raise default_pool_size of PgBouncer, or name PostgreSQL's own port")


def _answers(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a client gets a session soon; a pooler without a free one never answers the query."""
    raw, deadline = connection.pgconn, time.monotonic() + _SESSION_SECONDS
    raw.send_query(b"SELECT 1")
    while raw.flush():
        select.select([], [raw.socket], [], _SESSION_SECONDS)
    while raw.is_busy():
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([raw.socket], [], [], left)[0]:
            return False
        raw.consume_input()
    return True


def _has_its_own_session(url: str, connection: psycopg.Connection[Any]) -> bool:
    before = _backend(connection)
    with closing(_connect(url)) as other:
        other.autocommit = False
        taken = _backend(other)  # in a transaction that stays open
        return before != taken and before == _backend(connection)


def _backend(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
