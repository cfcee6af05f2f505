"""Timeouts by which connections to PostgreSQL notice a dead peer.

A host that loses its power closes no connection. By the kernel's own settings its peer waits for it: a client for up to
15 minutes, a server for more than two hours, with all the locks that the dead one held. With these settings both know
within 8 s. On a slow link (200 ms) a lost packet is sent five times within 7 s, as often as within 10 s, so a shorter
timeout would cost tries. Linux gives up a silent connection after the last setting, however many keepalive probes are
still to come, so four go out within that time.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

#: For every client, as libpq understands it: seconds, and milliseconds for the last. Of several servers in a URL a dead
#: one may be tried first by each new connection, of which a component makes some: no longer than libpq's least.
CLIENT: Mapping[str, Any] = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 4,
    "tcp_user_timeout": 7_000,
}

#: For every session on the server. The last but one is for a client that is alive and has forgotten its transaction (a
#: process that was stopped in the middle of one), the last for a query whose client is gone.
SERVER: Mapping[str, str] = {
    "tcp_keepalives_idle": "3s",
    "tcp_keepalives_interval": "1s",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "7s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "2s",
}

#: variables whose place the URL of an embedded server takes; what else libpq reads of PG… would change the connection
_TOLD_BY_URL = frozenset(
    {"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGPASSFILE", "PGAPPNAME", "PGDATA"}
)

_SETTLED = """
SELECT setconfig FROM pg_db_role_setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
AND setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""

#: what Airflow hands to each connection that it opens (``[database] sql_alchemy_connect_args``)
CONNECT_ARGS = dict(CLIENT)


def forget_the_callers(environ: MutableMapping[str, str]) -> None:
    """Take away what the shell of a person tells clients of other servers (``PGSERVICE``, ``PGOPTIONS``).

    For a process that talks to the embedded server alone; tasks keep theirs.
    """
    for name in [name for name in environ if name.startswith("PG") and name not in _TOLD_BY_URL]:
        del environ[name]


def settle(connection: psycopg.Connection[Any]) -> None:
    """Have the server watch the clients of this role in this database, from their next session on.

    Raises psycopg.Error: a server may refuse some of it to an ordinary role.
    """
    from psycopg import sql  # only here: commands that only plan read the settings too, and start without it

    found = connection.execute(_SETTLED).fetchone()
    if found is not None and set(found[0]) >= {f"{name}={value}" for name, value in SERVER.items()}:
        return
    database = sql.Identifier(connection.info.dbname)
    for name, value in SERVER.items():
        change = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}")
        connection.execute(change.format(database, sql.Identifier(name), sql.Literal(value)))
