"""Celery and the agent find the server that real sentinels name, with passwords of both."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from airfleet.agent import embedded
from airfleet.agent.broker_lines import BrokerRefuses, line_to
from airfleet.fleet import brokers, celery_settings
from airfleet.fleet.paths import Paths
from airfleet.testing.brokers import Valkey
from airfleet.testing.ports import free_ports
from airfleet.testing.waiting import wait_until

CONF = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
sentinel monitor shop 127.0.0.1 {server} 1
sentinel auth-pass shop {server_password}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What ``broker:`` says, with a Valkey and a sentinel that watches it."""
    folder = tmp_path_factory.mktemp("sentinel")
    for place in (folder, *folder.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)  # another user has to pass
    with Valkey(folder / "valkey") as server:
        place = embedded.prepare(Paths(home=folder / "valkey", runtime=folder / "valkey"), euid=os.geteuid())
        (port,), password = free_ports(1), secrets.token_urlsafe(24)
        conf = folder / "sentinel" / "sentinel.conf"  # it writes into it what it learns
        conf.parent.mkdir()
        conf.write_text(
            CONF.format(
                port=port,
                folder=conf.parent,
                password=password,
                server=server.port,
                server_password=server.password,
            )
        )
        if place.user:
            owner = pwd.getpwnam(place.user)
            for path in (conf.parent, conf):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        process = subprocess.Popen(
            [str(place.valkey_server), str(conf), "--sentinel"],
            user=place.user,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            made = (
                f"sentinel://:{server.password}@127.0.0.1:1,127.0.0.1:{port}/0?master=shop&sentinel_password={password}"
            )
            wait_until(lambda: answers(made), 20, "the sentinel names the server")
            yield made
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    """Whether the agent's line to it holds."""
    line = line_to(brokers.parse(url))
    try:
        line.check()
    except OSError:
        return False
    finally:
        line.close()
    return True


def test_a_sentinel_that_refuses_its_own_password_is_told_from_one_that_is_away(url: str) -> None:
    wrong = url.partition("&sentinel_password=")[0] + "&sentinel_password=hush"
    with pytest.raises(BrokerRefuses):
        line_to(brokers.parse(wrong)).check()


def test_celery_sends_a_message_through_sentinels_and_gets_it_back(url: str) -> None:
    broker = brokers.parse(url)
    options: dict[str, Any] = dict(celery_settings.sections(broker, 1)[celery_settings.TRANSPORT])
    for _, key, value in celery_settings.secrets(broker):
        options[key] = json.loads(value)
    numbers = {key: float(value) for key, value in options.items() if str(value).isdigit()}
    app = Celery(broker=broker.url, set_as_current=False)
    app.conf.broker_transport_options = {**options, **numbers}
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=3)
        queue = connection.SimpleQueue("sentinel-test")
        queue.put({"hello": 1})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"hello": 1}
        queue.close()
