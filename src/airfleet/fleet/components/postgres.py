"""The embedded PostgreSQL: this machine only, password required, data beside the fleet."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Final

from airfleet.fleet.planning.context import Context, Embedded
from airfleet.fleet.planning.plan import Component, Exec, PostgresAnswers
from airfleet.fleet.servers.own_servers import ServerProgram
from airfleet.system import connection_timeouts

KIND: Final = "postgres"
SUPERUSER = "airfleet"
#: no setting of PostgreSQL's: a network, and the role that its clients may log in as; never the superuser (see
#: airfleet.agent.servers.embedded_postgres)
LETS_IN, ROLE = "airfleet.lets_in", "airflow"

#: Small and safe: fsync and synchronous_commit stay on. No workers for parallel queries or
#: I/O, which a metadata database of this size never uses and which cost memory each.
SETTINGS: Final[Mapping[str, str]] = {
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "16MB",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers": "0",
    "max_worker_processes": "1",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "1",
    **connection_timeouts.SERVER,
    "log_min_messages": "warning",
    "log_line_prefix": "%m ",
}
#: settings that older versions do not know -> the major version that brought each
_SINCE: Final = {"io_method": 18}


def components(context: Context) -> tuple[Component, ...]:
    """Make the server, unless the fleet has a database of its own."""
    embedded, port = context.embedded, context.ports.postgres
    return () if embedded is None or port is None else (_component(context, embedded, port),)


def _component(context: Context, embedded: Embedded, port: int) -> Component:
    argv = (
        sys.executable,
        "-m",
        "airfleet.agent.servers.embedded_postgres",
        str(embedded.postgres_bin),
        str(embedded.postgres_data),
        str(port),
        embedded.user or "-",
        f"listen_addresses={','.join(context.served_addresses)}",
        *(f"{key}={value}" for key, value in {**settings(embedded.postgres), **context.sizing.postgres}.items()),
        *(f"{LETS_IN}={address.rpartition('.')[0]}.0/24 {ROLE}" for address in context.served_addresses[1:]),
    )
    return Component(
        name=KIND,
        kind=KIND,
        # The superuser's password goes to its standard input, never into argv.
        start=Exec(argv, secret_input=context.secrets.postgres_password),
        probe=PostgresAnswers(port, context.secrets.postgres_password, context.secrets.airflow_password),
        stop_signal=signal.SIGINT,  # "fast shutdown": ends sessions, then a clean checkpoint
        grace_seconds=30.0,
        address=f"127.0.0.1:{port}",
        server=context.fleet.database,
        program=str(embedded.postgres or ""),
    )


def settings(program: ServerProgram | None) -> Mapping[str, str]:
    """Return the settings that this version of PostgreSQL knows; all where the version is not known."""
    major = program.version[0] if program else max(_SINCE.values())
    return {key: value for key, value in SETTINGS.items() if _SINCE.get(key, 0) <= major}
