"""What of Celery and kombu the worker's consumer, its queues and its outcomes are built upon."""

from __future__ import annotations

import inspect
import json
import ssl
from typing import Any

import pytest
from airflow.providers.celery.executors.default_celery import get_default_celery_config
from celery import Celery
from celery.app.amqp import AMQP, Queues
from celery.app.backends import by_url
from celery.backends.base import KeyValueStoreBackend
from celery.concurrency.asynpool import AsynPool
from celery.worker import components, state
from celery.worker.consumer import Consumer, Events, Tasks, consumer, delayed_delivery
from kombu.connection import Connection
from kombu.messaging import Consumer as QueueConsumer

from airfleet.fleet.planning import celery_settings
from airfleet.fleet.servers import brokers


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
    # They are found by one name and have another one in the broker.
    assert "self[queue.name] = queue" in source(Queues._add)
    assert "self.add(self.new_missing(name))" in source(Queues.__missing__)
    assert "name: self[name] for name in" in source(Queues.select)
    assert "self._consume_from.pop(queue, None)" in source(Queues.deselect)
    assert "qname = queue.name" in source(AMQP._create_task_sender)
    assert "exchange, routing_key = '', qname" in source(AMQP._create_task_sender)


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
    found, url = by_url("airfleet.worker.result_backend:WorkerOutcomes+file:///run/here")
    assert (found.__name__, url) == ("WorkerOutcomes", "file:///run/here")
    for name in ("get", "mget", "set", "delete", "get_key_for_task", "decode_result"):
        assert callable(getattr(KeyValueStoreBackend, name))


class Settings:
    """Sections of ``airflow.cfg`` as Airflow reads them."""

    def __init__(self, written: str, *more: tuple[str, str, str]) -> None:
        self.sections = celery_settings.sections(brokers.parse(written), 1)
        for section, key, value in (("operators", "default_queue", "default"), *more):
            self.sections.setdefault(section, {})[key] = value

    def get(self, section: str, key: str, fallback: Any = None) -> Any:
        return self.sections.get(section, {}).get(key.lower(), fallback)

    def has_option(self, section: str, key: str) -> bool:
        return self.get(section, key) is not None

    def get_mandatory_value(self, section: str, key: str) -> str:
        return str(self.get(section, key))

    def getint(self, section: str, key: str, fallback: int = 0) -> int:
        return int(self.get(section, key, fallback))

    def getboolean(self, section: str, key: str, fallback: bool = False) -> bool:
        return str(self.get(section, key, fallback)) == "True"

    def getjson(self, section: str, key: str, fallback: Any = None) -> Any:
        found = self.get(section, key)
        return fallback if found is None else json.loads(found)

    def getsection(self, section: str) -> dict[str, Any]:
        return dict(self.sections.get(section, {}))


def told(written: str) -> dict[str, Any]:
    """What Airflow tells Celery of a fleet with this broker."""
    broker = brokers.parse(written)
    settings = Settings(written, ("celery", "broker_url", broker.url), *celery_settings.secrets(broker))
    return get_default_celery_config(settings)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("rediss://:pass@db/0?ca=/ca.pem", ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")),
        ("sentinel://:pass@a/0?master=m&tls=true&ca=/ca.pem", ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "")),
        ("amqps://me:pass@mq/x?ca=/ca.pem", ("cert_reqs", "ca_certs", "certfile", "keyfile")),
    ],
)
def test_with_tls_the_certificate_of_the_server_is_checked(written: str, names: tuple[str, ...]) -> None:
    reqs, ca, cert, _ = names
    assert told(written)["broker_use_ssl"] == {reqs: ssl.CERT_REQUIRED, ca: "/ca.pem"}
    with_ours = told(f"{written}&cert=/us.pem&key=/us.key")["broker_use_ssl"]
    assert with_ours[cert] == "/us.pem"
    assert told(written.replace("ca=/ca.pem", ""))["broker_use_ssl"] == {reqs: ssl.CERT_REQUIRED}


def test_without_tls_there_is_none() -> None:
    assert "broker_use_ssl" not in told("amqp://me:pass@mq/x")


def test_sentinels_are_told_the_name_of_the_server_and_their_own_password() -> None:
    options = told("sentinel://:pass@a,b/0?master=shop&sentinel_password=hush")["broker_transport_options"]
    kwargs = options["sentinel_kwargs"]
    assert (options["master_name"], kwargs["password"], kwargs["retry"]) == ("shop", "hush", None)
    assert kwargs["socket_timeout"] <= 1.0  # of each, before the next one is asked


def test_rabbitmq_gets_no_options_that_only_redis_knows_and_is_waited_for_without_end() -> None:
    config = told("amqp://me:pass@a,b/x")
    assert config["broker_transport_options"] == {}
    assert config["broker_connection_max_retries"] is None
    assert config["broker_channel_error_retry"] is True
    app = Celery(set_as_current=False)
    app.config_from_object(config)
    connection = app.connection_for_read()
    assert (connection.hostname, connection.virtual_host, connection.alt) == (
        "a",
        "x",
        ["amqp://me:pass@a:5672/x", "amqp://me:pass@b:5672/x"],
    )


@pytest.mark.parametrize("written", ["redis://:pass@db/0", "sentinel://:pass@a,b/0?master=shop", "amqp://me:pass@mq/x"])
def test_a_worker_asks_for_no_fewer_messages_because_it_was_full_when_its_broker_went(written: str) -> None:
    assert told(written)["worker_enable_prefetch_count_reduction"] is False
    assert "self.app.conf.worker_enable_prefetch_count_reduction" in source(
        Consumer.on_connection_error_after_connected
    )


def test_a_full_worker_reads_no_queue_of_redis_whichever_connection_its_tasks_came_by() -> None:
    assert told("redis://:pass@db/0")["worker_disable_prefetch"] is True
    assert told("sentinel://:pass@a,b/0?master=shop")["worker_disable_prefetch"] is True
    assert "worker_disable_prefetch" not in told("amqp://me:pass@mq/x")  # where Celery would warn, and not do it
    asked = source(Tasks.start)
    assert "if len(state.reserved_requests) >= limit:" in asked
    assert "channel_qos.can_consume = MethodType(can_consume, channel_qos)" in asked
    assert "reserved_requests.clear()" in source(Consumer.on_close)
    assert "self.on_close()" in source(Consumer.start)
    assert "discard_reserved_request(request)" in source(state.task_ready)


def test_a_pool_forgets_which_processes_are_busy_when_the_connection_is_lost() -> None:
    # https://github.com/celery/celery/pull/10346: from then on it has to be kept nowhere else
    assert "self.pool.flush()" in source(Consumer.on_close)
    assert "self._busy_workers.clear()" in source(AsynPool.flush)
    handlers = source(AsynPool._create_write_handlers)
    assert "if is_fair_strategy and ready_fd in busy_workers:" in handlers
    assert "proc = job._scheduled_for = fileno_to_inq[ready_fd]" in handlers
    assert "self._mark_worker_as_available(inqW_fd)" in source(AsynPool.on_job_ready)
    assert "busy_workers.discard(fd)" in handlers  # when its process has died
