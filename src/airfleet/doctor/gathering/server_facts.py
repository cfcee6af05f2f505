"""Facts about the database and the broker: each asks over a connection of its own, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, LiteralString

import psycopg

from airfleet.agent.control import Snapshot
from airfleet.agent.database import fitness
from airfleet.agent.probes.broker_line import TIMEOUT_SECONDS
from airfleet.agent.probes.broker_probe import line_to
from airfleet.doctor.facts import (
    BrokerFacts,
    Clocks,
    Connections,
    DatabaseLook,
    Table,
    Transaction,
    Visibility,
    Waiting,
)
from airfleet.doctor.gathering import rabbitmq_policies
from airfleet.errors import FleetError
from airfleet.fleet.planning import plan_record
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers.brokers import Broker
from airfleet.system import clock_skew
from airfleet.system.connection_timeouts import CLIENT

#: milliseconds that a query may take
_STATEMENT_MS = 5000
_NOW: LiteralString = "SELECT extract(epoch FROM clock_timestamp())::float"
_LIMIT: LiteralString = """
SELECT least(
    current_setting('max_connections')::int - CASE WHEN r.rolsuper THEN 0 ELSE
        current_setting('superuser_reserved_connections')::int END,
    CASE WHEN d.datconnlimit < 0 OR r.rolsuper THEN 2147483647 ELSE d.datconnlimit END,
    CASE WHEN r.rolconnlimit < 0 OR r.rolsuper THEN 2147483647 ELSE r.rolconnlimit END
), (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""
_TRANSACTIONS: LiteralString = """
SELECT pid, coalesce(application_name, ''), coalesce(state, ''),
    extract(epoch FROM clock_timestamp() - CASE state WHEN 'active' THEN xact_start ELSE state_change END)::float
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL
AND pid <> pg_backend_pid() ORDER BY 4 DESC
"""
_LOCKS: LiteralString = """
SELECT w.pid, coalesce(w.application_name, ''), extract(epoch FROM clock_timestamp() - w.query_start)::float,
    array(SELECT b.pid || ' (' || coalesce(nullif(b.application_name, ''), 'without a name') || ')'
          FROM pg_stat_activity b WHERE b.pid = ANY (pg_blocking_pids(w.pid)))
FROM pg_stat_activity w
WHERE w.datname = current_database() AND w.wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(w.pid)) > 0
ORDER BY 3 DESC
"""
_TABLES: LiteralString = """
SELECT relname::text, n_live_tup, n_dead_tup,
    coalesce(to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI'), '')
FROM pg_stat_user_tables ORDER BY n_dead_tup DESC
"""
_LONGEST: LiteralString = """
SELECT extract(epoch FROM coalesce(end_date, now()) - start_date)::float, dag_id || '.' || task_id
FROM task_instance WHERE start_date > now() - interval '30 days' AND state IN ('running', 'success', 'failed')
ORDER BY 1 DESC LIMIT 1
"""


def look(url: str, plan: Plan) -> DatabaseLook:
    """Look at the database as an agent does before a start."""
    return DatabaseLook(fitness.look(url, needs=fitness.connections_of(plan)), _version(url))


def _version(url: str) -> str:
    """Return the version of a server; empty when it lets us not in."""
    try:
        with closing(connect(url)) as connection:
            return str(connection.info.parameter_status("server_version")).partition(" ")[0]
    except psycopg.Error:
        return ""


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to the database; each query has seconds, and changes nothing. Raises psycopg.Error."""
    options = f"-c statement_timeout={_STATEMENT_MS} -c default_transaction_read_only=on"
    own: dict[str, Any] = {**CLIENT, "application_name": "airfleet doctor", "client_encoding": "utf8"}
    try:
        return psycopg.connect(url, autocommit=True, prepare_threshold=None, options=options, **own)
    except psycopg.OperationalError:  # a pooler that takes no options
        return psycopg.connect(url, autocommit=True, prepare_threshold=None, **own)


def _rows(url: str, query: LiteralString) -> list[tuple[Any, ...]]:
    with closing(connect(url)) as connection:
        return connection.execute(query).fetchall()


def clocks(url: str, snapshot: Snapshot | None) -> Clocks:
    """Compare this clock with the database's; agents of other hosts have told of theirs."""
    with closing(connect(url)) as connection:
        asked = time.time()
        row = connection.execute(_NOW).fetchone()
        answered = time.time()
    assert row is not None
    hosts = snapshot.hosts if snapshot else ()
    here = snapshot.host if snapshot else ""
    told = {
        host.host: one.reason for host in hosts if host.host != here for one in host.components if one.kind == "clock"
    }
    return Clocks(clock_skew.ahead(asked, row[0], answered), told)


def connections(url: str, at_rest: int) -> Connections:
    """Count the connections that this role may have, and those that there are."""
    [(limit, used)] = _rows(url, _LIMIT)
    return Connections(limit, used, at_rest)


def transactions(url: str) -> tuple[Transaction, ...]:
    """Read the open transactions of the database."""
    return tuple(Transaction(*row) for row in _rows(url, _TRANSACTIONS))


def locks(url: str) -> tuple[Waiting, ...]:
    """Read the sessions that wait for a lock of another one."""
    return tuple(Waiting(pid, name, seconds, tuple(by)) for pid, name, seconds, by in _rows(url, _LOCKS))


def tables(url: str) -> tuple[Table, ...]:
    """Read the tables with their dead rows, as the server estimates them."""
    return tuple(Table(*row) for row in _rows(url, _TABLES))


def visibility(url: str, plan: Plan, broker: Broker) -> Visibility:
    """Read the visibility timeout of the plan, and the longest task. Raises FleetError where the broker has none."""
    if broker.kind == "amqp":
        raise FleetError("RabbitMQ has no visibility timeout: a message is handed out again when its worker is gone")
    timeout = _timeout(plan_record.settings(plan.files))
    row = next(iter(_rows(url, _LONGEST)), (0.0, ""))
    return Visibility(timeout, *row)


def _timeout(settings: Mapping[str, str]) -> float:
    found = settings.get("celery_broker_transport_options.visibility_timeout", "")
    if not found.isdigit():
        raise FleetError("fleet.yaml sets a visibility_timeout that is no number of seconds", hint="airfleet check")
    return float(found)


def broker(where: Broker) -> BrokerFacts:
    """Give the broker a message and take it back; ask it what it is."""
    line = line_to(where)
    try:
        line.check(TIMEOUT_SECONDS)
        told = line.information(TIMEOUT_SECONDS)
    except OSError as wrong:
        return BrokerFacts(where.address, where.kind, f"does not work: {wrong}")
    finally:
        line.close()
    program, version = told.get("program", ""), told.get("version", "")
    found = BrokerFacts(where.address, where.kind, "", program, version, told)
    return _with_policies(found, where) if where.kind == "amqp" else found


def _with_policies(found: BrokerFacts, where: Broker) -> BrokerFacts:
    try:
        return replace(found, policies=rabbitmq_policies.policies(where))
    except rabbitmq_policies.NotTold as why:
        return replace(found, policies_error=str(why))
