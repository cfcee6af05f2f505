"""Judgements of database and broker, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.agent.database.finding import FIT, refused
from airfleet.doctor.facts import (
    BrokerFacts,
    Connections,
    DatabaseLook,
    QueuePolicy,
    Table,
    Transaction,
    Visibility,
    Waiting,
)
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import servers

WRONG, WARNING, FINE, UNKNOWN = State.WRONG, State.WARNING, State.FINE, State.UNKNOWN
RAISE = "raise max_connections of the server, or the CONNECTION LIMIT of the role"
HIGHER = "raise visibility_timeout below airflow.celery_broker_transport_options in fleet.yaml"
DAY = 86400.0


def test_the_finding_of_the_agent_is_repeated_with_its_hint() -> None:
    found = DatabaseLook(refused("the database is a standby, which takes no writes", "name the primary"))
    assert servers.database(found) == (
        Seen(WRONG, "the database is a standby, which takes no writes", "name the primary"),
    )
    assert servers.database(DatabaseLook(FIT, "18.4")) == (
        Seen(FINE, "PostgreSQL 18.4 answers, and its settings, pooler and schema fit"),
    )


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (
            Connections(97, 7, 12),
            Seen(FINE, "7 of 97 connections to the database are in use; the hosts of this fleet keep 12 at rest"),
        ),
        (
            Connections(20, 7, 12),
            Seen(WARNING, "the database allows 20 connections; the hosts of this fleet keep 12 at rest, and twice that"
                 " is advised", RAISE),
        ),
        (
            Connections(10, 7, 12),
            Seen(WRONG, "the database allows 10 connections, and the hosts of this fleet keep 12 at rest", RAISE),
        ),
        (Connections(100, 90, 12), Seen(WRONG, "90 of 100 connections to the database are in use", RAISE)),
    ],
)  # fmt: skip
def test_connections(found: Connections, seen: Seen) -> None:
    assert servers.connections(found) == (seen,)


def test_transactions_that_stay_open() -> None:
    found = (
        Transaction(7, "psql", "idle in transaction", 61.0),
        Transaction(8, "", "active", 1200.0),
        Transaction(9, "report", "active", 60.0),
    )
    assert servers.transactions(found) == (
        Seen(
            WRONG,
            "session 7 (psql, idle in transaction) has a transaction that is open for 61s",
            "SELECT pg_terminate_backend(7)",
        ),
        Seen(
            WRONG,
            "session 8 (without a name, active) has a transaction that is open for 20m",
            "SELECT pg_terminate_backend(8)",
        ),
    )
    assert servers.transactions(found[2:]) == (Seen(FINE, "no transaction has been open for long"),)


def test_sessions_that_wait_for_a_lock() -> None:
    found = (Waiting(7, "airflow", 30.4, ("9 (psql)",)), Waiting(8, "airflow", 1.0, ("9 (psql)",)))
    assert servers.locks(found) == (
        Seen(WRONG, "session 7 (airflow) waits 30 s for a lock of 9 (psql)", "SELECT pg_terminate_backend(9)"),
    )
    assert servers.locks(found[1:]) == (Seen(FINE, "no session waits for a lock"),)


def test_tables_with_many_dead_rows() -> None:
    found = (Table("log", 60_000, 60_000, "2026-11-01 10:00"), Table("xcom", 900_000, 60_000), Table("job", 1, 40_000))
    assert servers.bloat(found) == (
        Seen(
            WARNING,
            "50 % of the rows of log are dead (60,000, last vacuumed 2026-11-01 10:00)",
            "VACUUM (ANALYZE) log",
        ),
    )
    assert servers.bloat(found[1:]) == (Seen(FINE, "none of 2 tables has many dead rows"),)


def redis(**information: str) -> BrokerFacts:
    told = {"maxmemory_policy": "noeviction", "maxmemory": "0", "aof_enabled": "1", "role": "master", **information}
    return BrokerFacts("queue:6379", "redis", "", "redis", "8.2.2", told)


def test_a_broker_that_works_and_one_that_does_not() -> None:
    assert servers.broker(redis()) == (Seen(FINE, "redis 8.2.2 at queue:6379 takes messages and gives them back"),)
    assert servers.broker(BrokerFacts("queue:6379", "redis", "does not work: no answer")) == (
        Seen(WRONG, "the broker at queue:6379 does not work: no answer", "see 'broker:' in fleet.yaml"),
    )


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (redis(), Seen(FINE, "the broker evicts nothing, and writes what it takes")),
        (
            redis(maxmemory_policy="allkeys-lru"),
            Seen(WRONG, "the broker evicts messages when its memory is full (maxmemory-policy allkeys-lru)",
                 "CONFIG SET maxmemory-policy noeviction"),
        ),
        (
            redis(maxmemory="1000", used_memory="950"),
            Seen(WRONG, "the broker uses 950 of 1,000 bytes of memory", "raise its maxmemory"),
        ),
        (
            redis(rdb_last_bgsave_status="err"),
            Seen(WRONG, "the broker could not write its data to disk the last time", "df -h, on the broker's machine"),
        ),
        (
            redis(aof_enabled="0"),
            Seen(WARNING, "the broker keeps no append-only file: its restart loses messages, which the scheduler sends"
                 " again", "CONFIG SET appendonly yes"),
        ),
        (
            redis(role="slave"),
            Seen(WRONG, "the broker is a replica, which takes no messages", "name the primary in fleet.yaml"),
        ),
        (
            BrokerFacts("mq:5672", "amqp", policies_error="no management API answers at mq"),
            Seen(UNKNOWN, "no management API answers at mq", "rabbitmqctl list_policies"),
        ),
        (
            BrokerFacts("mq:5672", "amqp", policies=(QueuePolicy("shop.default", "ha", {"delivery-limit": "20"}),)),
            Seen(FINE, "no policy of RabbitMQ drops messages or queues"),
        ),
        (
            BrokerFacts("mq:5672", "amqp", policies=(QueuePolicy("shop.default", "short", {"message-ttl": "60000"}),)),
            Seen(WRONG, "policy 'short' drops messages of queue 'shop.default' that wait too long, or are too many "
                 "(message-ttl 60000)", "rabbitmqctl clear_policy 'short'"),
        ),
        (
            BrokerFacts("queue:6379", "redis"),
            Seen(UNKNOWN, "the broker's user may not read its settings (INFO)", "ACL SETUSER ... +info"),
        ),
        (
            BrokerFacts("queue:6379", "redis", "does not work"),
            Seen(UNKNOWN, "the broker was not asked, as it does not work (D601)"),
        ),
    ],
)  # fmt: skip
def test_policies_of_the_broker(found: BrokerFacts, seen: Seen) -> None:
    assert servers.broker_policies(found) == (seen,)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (
            Visibility(7 * DAY, 0),
            Seen(FINE, "a task that is not over is handed out again after 7d; the longest of 30 days: there was none"),
        ),
        (
            Visibility(7 * DAY, 60, "a.b"),
            Seen(FINE, "a task that is not over is handed out again after 7d; the longest of 30 days took 1m"),
        ),
        (
            Visibility(3600, 3000, "a.b"),
            Seen(WARNING, "a task that is not over is handed out again after 1h; the longest of 30 days took 50m (a.b)",
                 HIGHER),
        ),
        (
            Visibility(3600, 7200, "a.b"),
            Seen(WRONG, "a task that is not over is handed out again after 1h; the longest of 30 days took 2h (a.b)",
                 HIGHER),
        ),
    ],
)  # fmt: skip
def test_the_visibility_timeout_beside_the_longest_task(found: Visibility, seen: Seen) -> None:
    assert servers.visibility(found) == (seen,)
