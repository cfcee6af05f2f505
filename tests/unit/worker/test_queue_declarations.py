"""How a fleet declares queues and reaches its broker again; what a worker takes for a proof that it takes tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from celery.concurrency.asynpool import AsynPool
from celery.utils.quorum_queues import detect_quorum_queues
from celery.worker import state
from kombu.utils import functional

from airfleet.worker import consumer, queue_declarations
from airfleet.worker.consumer import FleetConsumer


@pytest.fixture
def app() -> Celery:
    """A Celery application as those of a fleet are."""
    made = Celery(broker="memory://", set_as_current=False)
    queue_declarations.prepare(made)
    return made


def test_every_queue_has_the_same_arguments_whoever_names_it_first(app: Celery) -> None:
    app.amqp.queues.select(["one", "two"])
    named = app.amqp.queues["three"]
    default = app.amqp.queues[app.conf.task_default_queue]
    listened = app.amqp.queues.consume_from.values()
    assert {tuple(queue.queue_arguments.items()) for queue in (*listened, named, default)} == {
        tuple(queue_declarations.ARGUMENTS.items())
    }
    assert detect_quorum_queues(app, "amqp")[0]


def test_queues_that_fleet_yaml_describes_to_celery_keep_what_they_say(app: Celery) -> None:
    app.conf.task_queues = {"big": {"queue_arguments": {"x-max-priority": 3}}}
    assert app.amqp.queues["big"].queue_arguments == {**queue_declarations.ARGUMENTS, "x-max-priority": 3}


@pytest.fixture
def named(app: Celery) -> Celery:
    """One whose fleet has a name in the broker."""
    app.conf.update({queue_declarations.PREFIX: "shop-1."})
    app.conf.task_default_queue = "default"
    return app


def test_a_queue_is_found_by_its_name_and_has_that_of_the_fleet_before_it_in_the_broker(named: Celery) -> None:
    named.amqp.queues.select(["default", "big"])
    assert list(named.amqp.queues.consume_from) == ["default", "big"]
    for name in ("default", "big", "new"):
        queue = named.amqp.queues[name]
        found = (queue.name, queue.exchange.name, queue.routing_key)
        assert found[0] == f"shop-1.{name}"
        assert {part.count("shop-1.") for part in found} == {1}
        assert named.amqp.queues[queue.name] is queue  # messages that are given back are known by this name
    assert queue_declarations.in_broker(named, ["big", "default"]) == {"shop-1.big": "big", "shop-1.default": "default"}


@pytest.mark.parametrize("name", ["big", "shop-1.big"])
def test_a_queue_that_is_given_up_is_read_no_more_by_either_name(named: Celery, name: str) -> None:
    named.amqp.queues.select(["default", "big"])
    named.amqp.queues.deselect(name)
    assert list(named.amqp.queues.consume_from) == ["default"]


def test_two_fleets_share_no_name(named: Celery) -> None:
    other = Celery(broker="memory://", set_as_current=False)
    queue_declarations.prepare(other)
    other.conf.update({queue_declarations.PREFIX: "shop-2.", "task_default_queue": "default"})
    both = [app.amqp.queues["default"] for app in (named, other)]
    names = [{queue.name, queue.exchange.name, queue.routing_key} for queue in both]
    assert not names[0] & names[1]


def test_a_broker_that_is_away_is_tried_again_soon_and_without_end(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = app.connection_for_read("redis://127.0.0.1:1/0")  # nobody listens there
    monkeypatch.setattr(functional, "sleep", lambda _: None)

    def refused(error: Exception, interval: float) -> None:
        if len(seen) > 150:
            raise KeyboardInterrupt
        seen.append(interval)

    seen: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        connection.ensure_connection(refused, None)
    assert seen[0] <= 0.2
    assert max(seen) <= queue_declarations.LONGEST_PAUSE_SECONDS


class Message:
    """What a transport hands over."""

    def __init__(self, task: str) -> None:
        self.headers = {"task": task}
        self.acknowledged = False

    def ack_log_error(self, *_: Any) -> None:
        self.acknowledged = True

    def reject_log_error(self, *_: Any) -> None:
        raise AssertionError("it was rejected")


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One word for each proof."""
    written: list[str] = []
    monkeypatch.setattr(consumer, "_beat", lambda: written.append("beat"))
    return written


def handler(strategies: dict[str, Callable[..., None]]) -> Callable[[Any], None]:
    """What a consumer calls for a message."""
    made = FleetConsumer.__new__(FleetConsumer)
    made.strategies, made.on_task_message = strategies, set()
    made.call_soon = lambda *_: None
    made._maximum_prefetch_restored = True
    handle: Callable[[Any], None] = made.create_task_handler()
    return handle


def test_any_message_that_arrives_is_a_proof(beats: list[str]) -> None:
    taken: list[Message] = []
    handle = handler({"execute_workload": lambda message, *_: taken.append(message)})
    message = Message("execute_workload")
    handle(message)
    assert (taken, beats) == ([message], ["beat"])


def test_a_message_to_itself_is_acknowledged_and_reaches_no_pool(beats: list[str]) -> None:
    made = FleetConsumer.__new__(FleetConsumer)
    made.connection_errors = ()
    handle = handler({consumer.MESSAGE: consumer.Proof._strategy(made)})
    message = Message(consumer.MESSAGE)
    handle(message)
    assert message.acknowledged
    assert beats == ["beat"]


def test_celerys_step_for_delayed_messages_is_left_out_and_no_other() -> None:
    from celery.worker.consumer import Consumer

    stock, ours = set(Consumer.Blueprint.default_steps), set(FleetConsumer.Blueprint.default_steps)
    assert stock - ours == {"celery.worker.consumer.delayed_delivery:DelayedDelivery"}
    assert ours - stock == {"airfleet.worker.consumer:Proof", "airfleet.worker.prefetch:Surplus"}


class Request:
    """A task that a worker has."""

    id = "one"


def test_what_runs_when_the_connection_is_lost_still_takes_a_slot_and_what_waits_is_forgotten() -> None:
    runs, waits = Request(), Request()
    made = FleetConsumer.__new__(FleetConsumer)
    made.controller = made.pool = None
    made.task_buckets = {}
    try:
        state.reserved_requests.update({runs, waits})
        state.active_requests.add(runs)
        made.on_close()
        assert set(state.reserved_requests) == {runs}
        state.task_ready(runs)
        assert not set(state.reserved_requests)
    finally:
        state.reserved_requests.clear()
        state.active_requests.clear()


def test_processes_that_are_busy_when_the_connection_is_lost_are_so_afterwards_but_not_in_anothers_name() -> None:
    runs, ends, dies, idle, new = (object() for _ in range(5))
    pool = AsynPool.__new__(AsynPool)
    pool._fileno_to_inq = {10: runs, 11: ends, 12: dies, 13: idle}
    pool._busy_workers = {10, 11, 12}
    with consumer.busy_kept(pool):
        pool._busy_workers.clear()  # as AsynPool.flush does
        del pool._fileno_to_inq[11]
        pool._fileno_to_inq[12] = new
    assert pool._busy_workers == {10}
