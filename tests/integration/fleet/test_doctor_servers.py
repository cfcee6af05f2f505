"""Facts of ``airfleet doctor`` about a real PostgreSQL, Valkey and RabbitMQ, in the states that it is asked about."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from kombu import Connection, Queue

from airfleet.agent.probes.broker_probe import line_to
from airfleet.agent.probes.redis_line import RedisLine
from airfleet.client.project import Project
from airfleet.doctor.checks import Group, examine
from airfleet.doctor.facts import FileCheck, LiveProbe, QueuePolicy
from airfleet.doctor.finding import State
from airfleet.doctor.gathering import gatherer, live_facts, rabbitmq_policies, server_facts
from airfleet.doctor.judgements import servers as judgements
from airfleet.drill.waiting import wait_until
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.plan import File, Plan
from airfleet.fleet.servers import brokers
from airfleet.fleet.servers.brokers import Broker
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers
from faultlab.servers.rabbitmq import RabbitMQ

TOKEN = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiIwMTk5In0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that other users pass: as root, servers run as one of them."""
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as found:
        Path(found).chmod(0o755)
        yield Path(found)


@pytest.fixture(scope="module")
def servers(folder: Path) -> Iterator[Servers]:
    with Servers(folder / "servers") as made:
        yield made


@pytest.fixture(scope="module")
def url(servers: Servers) -> str:
    return servers.database("airflow")


@pytest.fixture
def session(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody, each statement of which begins a transaction."""
    with psycopg.connect(url, application_name="somebody") as made:
        yield made


def test_an_idle_transaction_is_found_with_the_name_of_its_session(url: str, session: psycopg.Connection[Any]) -> None:
    session.execute("SELECT 1")
    [found] = server_facts.transactions(url)
    assert (found.pid, found.application, found.state) == (session.info.backend_pid, "somebody", "idle in transaction")
    assert 0 <= found.seconds < 30
    session.rollback()
    assert server_facts.transactions(url) == ()


def test_a_session_that_waits_for_a_lock_is_found_with_the_one_that_has_it(
    url: str, session: psycopg.Connection[Any]
) -> None:
    session.execute("CREATE TABLE waited_for (id int)")
    session.commit()
    session.execute("LOCK TABLE waited_for")

    def wait() -> None:
        with psycopg.connect(url, application_name="waits") as other:
            other.execute("SELECT * FROM waited_for")

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: server_facts.locks(url), 10, "it waits")
    [found] = server_facts.locks(url)
    assert (found.application, found.blocked_by) == ("waits", (f"{session.info.backend_pid} (somebody)",))
    session.rollback()
    thread.join()
    assert server_facts.locks(url) == ()


def test_dead_rows_are_counted_by_table(url: str, session: psycopg.Connection[Any]) -> None:
    session.execute("CREATE TABLE bloated WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 60000) AS id")
    session.execute("DELETE FROM bloated WHERE id > 1000")
    session.commit()
    session.close()  # a session tells the server of its changes when it ends
    wait_until(lambda: server_facts.tables(url)[0].dead >= 59_000, 10, "the server has counted them")
    [seen] = judgements.bloat(server_facts.tables(url))
    assert seen.sentence == "98 % of the rows of bloated are dead (59,000, never vacuumed)"


def test_connections_are_counted_beside_the_limit_of_the_role(url: str, session: psycopg.Connection[Any]) -> None:
    session.execute("SELECT 1")
    before = server_facts.connections(url, at_rest=12)
    assert (before.limit, before.at_rest) == (100, 12)  # it is a superuser
    with psycopg.connect(url):
        assert server_facts.connections(url, at_rest=12).used == before.used + 1


def test_clocks_of_one_machine_agree(url: str) -> None:
    assert abs(server_facts.clocks(url, None).ahead_seconds) < 2


def test_nothing_can_be_changed_by_a_look(url: str) -> None:
    with server_facts.connect(url) as looks, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        looks.execute("CREATE TABLE changed (id int)")


def test_rules_of_postgresql_that_let_everybody_in_are_named() -> None:
    rows = [
        (1, "local", "trust", "", "", ""),
        (2, "host", "scram-sha-256", "127.0.0.1", "255.255.255.255", ""),
        (3, "host", "trust", "10.0.0.0", "255.0.0.0", ""),
        (4, "hostssl", "scram-sha-256", "0.0.0.0", "0.0.0.0", ""),
        (5, "host", "", "", "", "invalid authentication method"),
    ]
    assert list(live_facts.weak_rules(rows)) == [
        "line 3 of pg_hba.conf lets everybody in without a password (trust)",
        "line 4 of pg_hba.conf lets in every address",
        "line 5 of pg_hba.conf is wrong: invalid authentication method",
    ]


def test_a_password_that_the_database_refuses_is_named_once(url: str, tmp_path: Path) -> None:
    wrong = f"postgresql://nobody:not-the-password@127.0.0.1:{urlsplit(url).port}/airflow"
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "url").touch(mode=0o600)
    (tmp_path / "secrets" / "url").write_text(wrong)
    (tmp_path / "fleet.yaml").write_text('name: shop\ndatabase: "${{ secrets.url }}"\n')
    here = Project(tmp_path, {})
    results = examine(gatherer.gather(gatherer.look(here), lambda: FileCheck(0), probes=False), probes=False)
    assert [one.check.code for one in results if one.state is State.WRONG] == ["D501"]
    [refused] = [one.seen[0] for one in results if one.check.code == "D501"]
    assert refused.sentence.startswith("the database lets nobody in: ")
    assert "not-the-password" not in str(results)
    unknown = {one.check.code: one.seen[0].sentence for one in results if one.check.group is Group.DATABASE}
    assert unknown["D502"] == unknown["D505"] == "the database answers no question (D501)"


# --- brokers -----------------------------------------------------------------------------------------


def test_a_valkey_is_asked_for_its_version_and_settings(servers: Servers) -> None:
    found = server_facts.broker(brokers.parse(servers.broker()))
    assert (found.error, found.program) == ("", "valkey")
    assert found.version.startswith("9.")
    [policies] = judgements.broker_policies(found)
    assert policies.sentence == "the broker evicts nothing, and writes what it takes"


def test_a_wrong_password_is_an_error_that_does_not_repeat_it(servers: Servers) -> None:
    where = replace(brokers.parse(servers.broker()), password="not-the-password")
    found = server_facts.broker(where)
    assert found.error == "does not work: refuses the user or the password"


def test_a_broker_that_lets_in_nobody_without_a_password(servers: Servers) -> None:
    assert live_facts.broker_login(brokers.parse(servers.broker())).leaks == ()


def plan(tmp_path: Path, prefix: str = "shop-1.") -> Plan:
    text = f"[celery]\nextra_celery_config = {json.dumps({'airfleet_prefix': prefix})}\n"
    return Plan("shop", tmp_path, (), {tmp_path / "airflow.cfg": File(text)}, {}, "", "admin")


def push(broker: Broker, queue: str, argsrepr: str) -> None:
    line = RedisLine(broker, lambda: 0.0)
    line.check()
    line._ask("RPUSH", queue, json.dumps({"headers": {"argsrepr": argsrepr}}))
    line.close()


def test_a_waiting_message_shows_a_token_or_none(servers: Servers, tmp_path: Path) -> None:
    broker, fleet = brokers.parse(servers.broker()), Fleet("shop", str(tmp_path))
    with pytest.raises(FleetError, match="no message waits in a queue now"):
        live_facts.message(broker, plan(tmp_path), fleet)
    push(broker, "shop-1.default", "<redacted>")
    done = LiveProbe("1 waiting messages show no token in their description")
    assert live_facts.message(broker, plan(tmp_path), fleet) == done
    push(broker, "shop-2.default", f'{{"token": "{TOKEN}"}}')
    assert live_facts.message(broker, plan(tmp_path, "shop-2."), fleet).leaks == (
        "a message shows a token in its argsrepr",
    )


@pytest.mark.needs("rabbitmq")
def test_a_rabbitmq_is_asked_for_its_version_and_refuses_guest(folder: Path) -> None:
    with RabbitMQ(folder / "rabbitmq") as rabbitmq:
        where = brokers.parse(rabbitmq.url)
        found = server_facts.broker(where)
        assert (found.error, found.program) == ("", "RabbitMQ")
        assert found.version.partition(".")[0].isdigit()
        assert live_facts.broker_login(where).leaks == ()
        rabbitmq.control("add_user", "guest", "guest")
        rabbitmq.control("set_permissions", "-p", where.path, "guest", ".*", ".*", ".*")
        assert live_facts.broker_login(where).leaks == (f"the broker at {where.address} lets in user guest",)


@pytest.mark.needs("rabbitmq")
def test_a_rabbitmq_tells_the_policies_over_queues_of_its_virtual_host(folder: Path) -> None:
    [port] = free_ports(1)
    settings = {"management.tcp.port": str(port), "management.tcp.ip": "127.0.0.1"}
    with RabbitMQ(folder / "rabbitmq", settings=settings, vhost="shop", plugins=("rabbitmq_management",)) as rabbitmq:
        where = brokers.parse(rabbitmq.url)
        rabbitmq.control("set_user_tags", "airfleet", "monitoring")
        line = line_to(where)
        line.check(10)
        assert rabbitmq_policies.policies(where, port) == ()
        declare(rabbitmq.url, "shop.default")
        rabbitmq.control("set_policy", "-p", "shop", "short", "^shop", '{"message-ttl": 60000}')
        found = _until(lambda: rabbitmq_policies.policies(where, port))
        assert found == (QueuePolicy("shop.default", "short", {"message-ttl": "60000"}),)
        rabbitmq.control("set_user_tags", "airfleet")
        with pytest.raises(rabbitmq_policies.NotTold, match=r"does not let in the user of fleet\.yaml"):
            rabbitmq_policies.policies(where, port)
        line.close()
    with pytest.raises(rabbitmq_policies.NotTold, match=r"none answers at 127\.0\.0\.1"):
        rabbitmq_policies.policies(where, port)


def declare(url: str, queue: str) -> None:
    """Make a queue as workers do."""
    with Connection(url) as connection:
        Queue(queue, channel=connection.default_channel, durable=True).declare()


def _until(tell: Callable[[], tuple[QueuePolicy, ...]]) -> tuple[QueuePolicy, ...]:
    """Ask until something is told: the management API is seconds behind."""
    deadline = time.monotonic() + 30
    while not (found := tell()):
        assert time.monotonic() < deadline, "no policy was told"
        time.sleep(0.2)
    return found
