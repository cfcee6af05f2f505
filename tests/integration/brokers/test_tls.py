"""A Valkey behind TLS: whoever connects to it asks for its certificate, and a fleet runs its tasks through it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis.sentinel import MasterNotFoundError
from redis.sentinel import Sentinel as RedisSentinel

from airfleet.agent.probes.broker_line import BrokerTrouble
from airfleet.agent.probes.broker_probe import line_to
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning import celery_settings
from airfleet.fleet.servers import brokers
from airfleet.testing.fleet import FleetUnderTest
from faultlab.servers.broker_under_test import BrokerUnderTest, Valkey
from support.lesser_rights import open_folder
from support.pipelines import HELLO
from support.proxies import certificate
from support.sentinels import MASTER, Sentinel
from support.tls import tls_before

REFUSED = "cannot be reached: certificate verify failed: self-signed certificate"
FLEET = """\
name: secured
triggerer: false
broker: ${{ env.SECURED_BROKER }}
workers: [{name: worker, slots: 1}]
"""


@dataclass(frozen=True)
class Secured:
    """A server with a certificate for 127.0.0.1, and for no other name of this machine."""

    url: str
    authority: Path
    #: another one, which signed nothing here
    stranger: Path
    key: Path = field(repr=False)
    #: what is behind it, and speaks no TLS
    server: BrokerUnderTest

    @property
    def trusted(self) -> str:
        """What ``broker:`` says when all is well."""
        return f"{self.url}?ca={self.authority}"

    @property
    def untrusted(self) -> dict[str, str]:
        """What is to be refused: for what is wrong with it, what ``broker:`` says."""
        return {
            "self-signed certificate": f"{self.url}?ca={self.stranger}",
            # By the authorities of the system, too.
            "certificate verify failed": self.url,
            "certificate is not valid for 'localhost'": self.trusted.replace("127.0.0.1", "localhost"),
        }


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """It listens on a port of its own; the one behind it is known to nobody else."""
    with open_folder() as folder:  # each start of pytest closes its own to other users
        own, key = certificate(folder, "broker.test")
        stranger, _ = certificate(folder, "stranger.test")
        with Valkey(folder / "valkey") as server, tls_before(server.port, own, key) as door:
            yield Secured(f"valkeys://:{server.password}@127.0.0.1:{door.port}/0", own, stranger, key, server)


def celery_connects(url: str) -> None:
    """As workers and schedulers do; Airflow makes these settings of ours. Raises OperationalError."""
    broker = brokers.parse(url)
    assert broker.tls
    authority = {"ssl_ca_certs": broker.tls.ca} if broker.tls.ca else {}
    app = Celery(broker=broker.url, set_as_current=False)
    app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED, **authority}
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)


def test_only_a_certificate_of_the_right_authority_and_name_is_let_pass(secured: Secured) -> None:
    line_to(brokers.parse(secured.trusted)).check()
    celery_connects(secured.trusted)
    for wrong, url in secured.untrusted.items():
        with pytest.raises(OSError, match=rf"cannot be reached: certificate verify failed: .*{wrong}|: {wrong}"):
            line_to(brokers.parse(url)).check()
        with pytest.raises(OperationalError, match=wrong):
            celery_connects(url)


@pytest.mark.parametrize("url", ["rediss://one/0", "sentinel://one/0?master=shop&tls=true", "amqps://one/shop"])
def test_only_components_that_know_the_broker_are_told_that_it_speaks_tls(url: str) -> None:
    # Airflow refuses to be imported with TLS for a broker of which it knows only that it has none.
    broker = brokers.parse(url)
    assert not [key for key in celery_settings.sections(broker, 1)["celery"] if key.startswith("ssl_")]
    assert ("celery", "ssl_active", "True") in celery_settings.secrets(broker)


def test_sentinels_are_asked_by_tls(secured: Secured) -> None:
    folder = secured.authority.parent / "sentinel"
    with (
        Sentinel(folder, server=secured.server) as sentinel,
        tls_before(sentinel.port, secured.authority, secured.key) as door,
    ):
        options = f"master={MASTER}&sentinel_password={sentinel.password}&tls=true&ca="
        written = f"sentinel://127.0.0.1:{door.port}/0?{options}"
        assert named_by_sentinels(f"{written}{secured.authority}") == secured.server.port
        with pytest.raises(MasterNotFoundError):
            named_by_sentinels(f"{written}{secured.stranger}")


def named_by_sentinels(url: str) -> int:
    """The port of the server, as Celery is told it: it hands these settings on to this class."""
    broker = brokers.parse(url)
    told = {key: value for _, key, value in celery_settings.secrets(broker)}
    asked = RedisSentinel(list(broker.servers), sentinel_kwargs=json.loads(told["sentinel_kwargs"]))
    _, port = asked.discover_master(broker.master)
    return int(port)


def test_a_file_that_is_of_no_use_for_tls_is_named(secured: Secured) -> None:
    missing = secured.authority.with_name("missing.pem")
    with pytest.raises(BrokerTrouble, match=rf"^is not asked, as {missing} cannot be used for TLS: no such file"):
        line_to(brokers.parse(f"{secured.url}?ca={missing}")).check()


def test_a_fleet_runs_tasks_by_tls_and_says_of_a_wrong_authority_that_it_is_wrong(secured: Secured) -> None:
    with FleetUnderTest.make(FLEET, {"pipelines/hello.yaml": HELLO}) as fleet:
        wrong = fleet.with_environment(SECURED_BROKER=f"{secured.url}?ca={secured.stranger}")
        wrong.boot()
        # A first handshake that is slow has another reason.
        wait_until(lambda: wrong.component("broker").reason.endswith(REFUSED), 30, "it is said what is wrong with it")
        wrong.stop()
        right = fleet.with_environment(SECURED_BROKER=secured.trusted)
        right.start()
        right.wait_for_dag("hello")
        assert right.wait_for_run("hello", right.trigger("hello")) == "success"
