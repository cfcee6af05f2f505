"""Two fleets with one broker, as schedulers and workers of them have it: neither takes what is the other's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from celery import Celery

from airfleet.fleet.planning import celery_settings
from airfleet.fleet.servers import brokers
from airfleet.scheduler.publisher import Publisher
from faultlab.servers.broker_under_test import BrokerUnderTest, Valkey
from faultlab.servers.rabbitmq import RabbitMQ
from support.celery_apps import application


@pytest.fixture(scope="module", params=[Valkey, pytest.param(RabbitMQ, marks=pytest.mark.needs("rabbitmq"))])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A broker that nobody else uses."""
    server: BrokerUnderTest
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as folder:
        Path(folder).chmod(0o755)  # servers run as users of their own
        with request.param(Path(folder) / "server") as server:
            yield server.url


def of_fleet(url: str, fleet: str) -> Celery:
    """Celery as the components of a fleet have it."""
    return application(url, celery_settings.sections(brokers.parse(url), 1, fleet))


@pytest.fixture
def fleets(url: str) -> Iterator[tuple[Celery, Celery]]:
    """Production and staging, neither of which has anything in the broker."""
    both = of_fleet(url, "shop-1"), of_fleet(url, "shop-2")
    for app in both:
        with app.connection_for_write() as connection:
            queue = app.amqp.queues["default"](connection.default_channel)
            queue.declare()
            queue.purge()
    yield both
    for app in both:
        app.close()


def send(app: Celery, task_id: str) -> Publisher:
    publisher = Publisher(app)
    publisher.send("{}", task_id=task_id, queue="default", keep_result=False)
    return publisher


def take(app: Celery) -> list[str]:
    """The ids of the messages that a worker of this fleet gets; it is done with them."""
    app.amqp.queues.select(["default"])
    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(connection.default_channel)
        (queue,) = consumer.queues
        messages = iter(lambda: queue(connection.default_channel).get(), None)
        return [_done(message) for message in messages]


def _done(message: object) -> str:
    message.ack()  # type: ignore[attr-defined]
    return str(message.headers["id"])  # type: ignore[attr-defined]


def test_a_worker_gets_the_messages_of_its_own_fleet(fleets: tuple[Celery, Celery]) -> None:
    one, other = fleets
    publishers = [send(one, "of-one"), send(other, "of-other"), send(one, "again-of-one")]
    assert take(other) == ["of-other"]
    assert sorted(take(one)) == ["again-of-one", "of-one"]
    for publisher in publishers:
        publisher.close()


def test_a_scheduler_sees_what_waits_of_its_own_fleet(fleets: tuple[Celery, Celery]) -> None:
    one, other = fleets
    publisher, another = send(one, "of-one"), send(other, "of-other")
    for own, message in ((publisher, "of-one"), (another, "of-other")):
        _, waiting = own.look(["default"])
        assert waiting["default"].count == 1
        assert waiting["default"].ids in (None, {message})  # RabbitMQ tells numbers alone
    with other.connection_for_read() as connection:  # a worker of the other fleet holds its message
        held = other.amqp.queues["default"](connection.default_channel).get()
        assert held is not None
        assert publisher.look(["default"])[1]["default"].held == frozenset()
        held.ack()
    take(one)
    publisher.close()
    another.close()


def test_remote_control_and_events_reach_one_fleet_alone(fleets: tuple[Celery, Celery]) -> None:
    one, other = fleets
    names = [
        {app.control.mailbox.exchange.name, app.control.mailbox.reply_exchange.name, app.conf.event_exchange}
        for app in (one, other)
    ]
    assert not names[0] & names[1]
    received: list[str] = []
    with other.connection_for_read() as connection:
        mailbox = other.control.mailbox(connection)
        node = mailbox.Node("worker@other", channel=connection.default_channel)
        node.handlers["told"] = lambda state, by: received.append(by)
        node.listen()
        while not received:  # who is not listening yet hears nothing, so each of them speaks again
            for app, by in ((one, "one"), (other, "other")):
                with app.connection_for_write() as sending:
                    app.control.mailbox(sending)._broadcast("told", {"by": by}, channel=sending.default_channel)
            with suppress(TimeoutError):
                connection.drain_events(timeout=1)
    assert set(received) == {"other"}
