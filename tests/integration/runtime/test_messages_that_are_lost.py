"""What real brokers tell of messages: which wait, which are held, and whether some may have been lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from celery import Celery

from airfleet.drill.waiting import wait_until
from airfleet.scheduler.message_reconciler import LOST_BACKOFF, Answer, Reconciler
from airfleet.scheduler.publisher import BrokerGone, Publisher
from airfleet.scheduler.queue_inspector import missing
from faultlab.servers.broker_under_test import BrokerUnderTest, Valkey
from faultlab.servers.rabbitmq import RabbitMQ

QUEUE = "heavy"
ON_RABBITMQ = pytest.param(RabbitMQ, id="rabbitmq", marks=pytest.mark.needs("rabbitmq"))


@pytest.fixture(scope="module", params=[pytest.param(Valkey, id="valkey"), ON_RABBITMQ])
def broker(request: pytest.FixtureRequest) -> Iterator[BrokerUnderTest]:
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as folder:
        Path(folder).chmod(0o755)  # servers run as users of their own
        with request.param(Path(folder) / "server") as started:
            yield started


@pytest.fixture
def publisher(broker: BrokerUnderTest) -> Iterator[Publisher]:
    made = Publisher(Celery("t", broker=broker.url, set_as_current=False))
    yield made
    made.close()


def send(publisher: Publisher, queue: str = QUEUE) -> str:
    """One message; its id."""
    message = str(uuid4())
    publisher.send("{}", task_id=message, queue=queue, keep_result=False)
    return message


def take(publisher: Publisher, queue: str = QUEUE) -> str:
    """Take one message and hold it, as a worker does with one that it has not begun; its id."""
    assert publisher._connection is not None
    channel = publisher._connection.channel()
    return str(wait_until(lambda: channel.basic_get(queue), 5, "a message is there").headers["id"])


def look_again(publisher: Publisher, queue: str) -> Answer:
    """What a broker says that was away: some clients notice only now that their connection was lost."""
    try:
        return publisher.look([queue])
    except BrokerGone:
        return publisher.look([queue])


def test_what_waits_is_told_and_what_a_worker_took_does_not_wait(broker: BrokerUnderTest, publisher: Publisher) -> None:
    sent = {send(publisher): QUEUE for _ in range(3)}
    _, waiting = publisher.look([QUEUE, "nowhere"])
    assert (waiting[QUEUE].count, waiting["nowhere"].count) == (3, 0)
    assert missing(sent, waiting) == frozenset()
    assert waiting[QUEUE].ids in (None, frozenset(sent))
    take(publisher)
    _, waiting = publisher.look([QUEUE])
    assert waiting[QUEUE].count == 2
    assert missing(sent, waiting) == {next(iter(sent))}  # which one, Valkey tells; RabbitMQ hands out the oldest
    assert waiting[QUEUE].held == (frozenset() if isinstance(broker, RabbitMQ) else missing(sent, waiting))


def test_the_epoch_stays_until_the_broker_was_started_again(broker: BrokerUnderTest, publisher: Publisher) -> None:
    send(publisher)
    before, _ = publisher.look([QUEUE])
    assert publisher.look([QUEUE])[0] == before
    broker.kill()
    with pytest.raises(BrokerGone):
        publisher.look([QUEUE])
    broker.start()
    assert look_again(publisher, QUEUE)[0] != before


def test_messages_of_a_broker_that_lost_its_data_are_sent_again_at_once(
    broker: BrokerUnderTest, publisher: Publisher
) -> None:
    one, now = Reconciler(publisher.look), 100.0
    sent = {send(publisher, "wiped") for _ in range(3)}
    for message in sent:
        one.sent(message, "wiped", now)
    assert one.to_send(now + LOST_BACKOFF.first + 1) == frozenset()
    broker.wipe()
    look_again(publisher, "wiped")
    assert one.to_send(now + LOST_BACKOFF.first + 2) == sent
    for message in sent:
        publisher.send("{}", task_id=message, queue="wiped", keep_result=False)
        one.sent(message, "wiped", now + LOST_BACKOFF.first + 2)
    assert one.to_send(now + 10 * LOST_BACKOFF.first) == frozenset()


def test_a_message_that_a_dead_scheduler_did_not_send_is_sent_while_those_of_others_wait(
    broker: BrokerUnderTest, publisher: Publisher
) -> None:
    one, now = Reconciler(publisher.look), 100.0
    for _ in range(3):
        send(publisher, "shared")
    waits = send(publisher, "shared")
    for message in (waits, "was not sent"):
        one.adopt(message, "shared", now)
    told = not isinstance(broker, RabbitMQ)
    assert one.to_send(now) == ({"was not sent"} if told else {waits, "was not sent"})


def test_of_a_backlog_of_which_one_message_is_being_taken_none_is_sent_again(publisher: Publisher) -> None:
    one = Reconciler(publisher.look)
    for _ in range(10):
        one.sent(send(publisher, "backlog"), "backlog", 0.0)
    for at in (20.0, 25.0, 30.0, 35.0, 40.0):  # one is taken at each look, and begins until the next
        taken = take(publisher, "backlog")
        assert one.to_send(at) == frozenset()
        one.forget(taken)
    assert one.to_send(45.0) == frozenset()


@pytest.mark.parametrize("broker", [ON_RABBITMQ], indirect=True)  # Valkey knows no kinds of queues
def test_a_queue_that_the_broker_refuses_costs_other_messages_nothing(publisher: Publisher) -> None:
    send(publisher, "good")
    assert publisher._connection is not None
    with publisher._connection.channel() as channel:
        channel.queue_declare("classic", durable=True, auto_delete=False)
    for _ in range(2):
        with pytest.raises(Exception, match="PRECONDITION_FAILED") as raised:
            send(publisher, "classic")
        assert not isinstance(raised.value, BrokerGone)
        send(publisher, "good")
    _, waiting = publisher.look(["good", "classic"])
    assert (waiting["good"].count, waiting["classic"].count) == (3, 0)
    assert publisher.connections == 1
