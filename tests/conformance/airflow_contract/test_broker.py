"""What of Celery and kombu the worker's consumer, its queues and its outcomes are built upon."""

from __future__ import annotations

import inspect

from celery import Celery
from celery.app.amqp import AMQP, Queues
from celery.app.backends import by_url
from celery.backends.base import KeyValueStoreBackend
from celery.worker import components, state
from celery.worker.consumer import Consumer, Events, Tasks, consumer, delayed_delivery
from kombu.connection import Connection
from kombu.messaging import Consumer as QueueConsumer


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_steps_of_a_consumer_are_named_and_one_of_them_is_that_of_delayed_messages() -> None:
    assert "celery.worker.consumer.delayed_delivery:DelayedDelivery" in Consumer.Blueprint.default_steps
    assert delayed_delivery.DelayedDelivery.requires == (Tasks,)
    assert "self.blueprint = self.Blueprint(" in source(Consumer.__init__)
    assert "w.consumer_cls" in source(components)


def test_every_message_goes_through_the_handler_that_is_made_for_each_connection() -> None:
    assert "on_task_received = obj.create_task_handler()" in source(consumer.loops.asynloop)
    assert "consumer.on_message = on_task_received" in source(consumer.loops.asynloop)
    assert "strategy = strategies[type_]" in source(Consumer.create_task_handler)
    assert "consumer.consume()" in source(consumer.loops.asynloop)


def test_a_queue_that_is_added_is_read_with_those_of_tasks() -> None:
    assert "self._queues[queue.name] = queue" in source(QueueConsumer.add_queue)
    assert list(inspect.signature(QueueConsumer.add_queue).parameters) == ["self", "queue"]
    assert "c.connection_for_write()" in source(Events.start)
    assert "c.task_consumer = c.app.amqp.TaskConsumer(" in source(Tasks.start)


def test_what_a_worker_holds_is_known() -> None:
    assert iter(state.reserved_requests) is not None
    assert iter(state.active_requests) is not None


def test_an_application_can_be_given_another_view_of_the_broker() -> None:
    app = Celery(set_as_current=False)
    app.amqp_cls = f"{__name__}:Another"
    assert isinstance(app.amqp, Another)
    assert "self.queues_cls(" in source(AMQP.Queues)
    assert "self.amqp.Connection(" in source(Celery._connection)
    assert "return self._add(queue)" in source(Queues.add)
    assert "self._add(" in source(Queues.add_compat)


class Another(AMQP):  # type: ignore[misc]
    """Nothing else."""


def test_pauses_of_a_connection_are_chosen_by_who_waits() -> None:
    names = list(inspect.signature(Connection._ensure_connection).parameters)
    assert names[:3] == ["self", "errback", "max_retries"]
    assert {"interval_start", "interval_step", "interval_max"} <= set(names)
    assert "return self\n" in source(Connection.ensure_connection)
    call = source(Consumer.ensure_connected)
    assert "_error_handler, self.app.conf.broker_connection_max_retries," in call


def test_a_result_backend_is_named_by_its_class_and_gets_the_rest_of_its_url() -> None:
    found, url = by_url("airfleet.runtime.outcomes:WorkerOutcomes+file:///run/here")
    assert (found.__name__, url) == ("WorkerOutcomes", "file:///run/here")
    for name in ("get", "mget", "set", "delete", "get_key_for_task", "decode_result"):
        assert callable(getattr(KeyValueStoreBackend, name))
