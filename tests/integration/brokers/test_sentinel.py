"""Celery and the agent find the server that real sentinels name, with passwords of both."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from airfleet.agent.probes.broker_line import BrokerRefuses
from airfleet.agent.probes.broker_probe import line_to
from airfleet.fleet.planning import celery_settings
from airfleet.fleet.servers import brokers
from faultlab.servers.broker_under_test import Valkey
from support.lesser_rights import open_folder
from support.sentinels import Sentinel

#: a sentinel that says nothing costs less, and would cost a minute and more if it were asked again and again
SILENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """What ``broker:`` says, with a Valkey and a sentinel that watches it; another one is not there."""
    with (
        open_folder() as folder,  # each start of pytest closes its own to other users
        Valkey(folder / "valkey") as server,
        Sentinel(folder / "sentinel", server=server) as sentinel,
    ):
        yield sentinel.url.replace("@", "@127.0.0.1:1,")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken, and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def celery(url: str) -> Celery:
    """Celery as schedulers and workers have it."""
    broker = brokers.parse(url)
    options: dict[str, Any] = dict(celery_settings.sections(broker, 1)[celery_settings.TRANSPORT])
    for _, key, value in celery_settings.secrets(broker):
        options[key] = json.loads(value)
    numbers = {key: float(value) for key, value in options.items() if str(value).isdigit()}
    app = Celery(broker=broker.url, set_as_current=False)
    app.conf.broker_transport_options = {**options, **numbers}
    return app


def test_a_sentinel_that_refuses_its_own_password_is_told_from_one_that_is_away(url: str) -> None:
    wrong = url.partition("&sentinel_password=")[0] + "&sentinel_password=hush"
    with pytest.raises(BrokerRefuses):
        line_to(brokers.parse(wrong)).check()


def test_celery_sends_a_message_through_sentinels_and_gets_it_back(url: str) -> None:
    with celery(url).connection_for_write() as connection:
        connection.ensure_connection(max_retries=3)
        queue = connection.SimpleQueue("sentinel-test")
        queue.put({"hello": 1})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"hello": 1}
        queue.close()


def test_a_sentinel_that_is_silent_holds_up_nobody_while_there_is_another(url: str, silent: int) -> None:
    first_silent = url.replace("127.0.0.1:1,", f"127.0.0.1:{silent},")
    began = time.monotonic()
    line_to(brokers.parse(first_silent)).check(timeout_seconds=3.0)
    with celery(first_silent).connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
    assert time.monotonic() - began < SILENCE_SECONDS
