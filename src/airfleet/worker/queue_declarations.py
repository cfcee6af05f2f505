"""Declarations of queues, and backoff to the broker, for every process of a fleet that talks to it.

The first scheduler or worker declares a queue, and RabbitMQ refuses a later declaration that differs: all of them use
:class:`FleetQueues`. Redis and Valkey know no kinds of queues; the arguments mean nothing there.

- ``x-queue-type: quorum``: a message counts as sent when most servers of the cluster have a copy.
- ``x-consumer-timeout``: RabbitMQ takes a worker that holds a task for half an hour for dead and closes its channel; a
  task may run for a week. RabbitMQ heeds it from 3.12 on; before, its configuration has the limit, and
  :mod:`airfleet.worker.consumer` reconnects.
- ``x-delivery-limit``: RabbitMQ 4 throws a message away that was delivered 20 times. Here the execution API decides
  whether a message is useless: it refuses a second start.

In the broker each name begins with that of the fleet (:data:`PREFIX`): several fleets may have one broker, and none
takes the messages of another. Airflow, ``fleet.yaml`` and logs know the name without it. Exchanges for remote control
and events are named by fleet as well, by settings of Celery (:mod:`airfleet.fleet.planning.celery_settings`).

A broker that went away is tried again a moment later, and then every second, without end; Celery's own pauses
grow to half a minute, and it gives up after the hundredth.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP, Queues
from kombu.connection import Connection

#: seconds between two attempts to reach the broker: at first, added each time, and at most
FIRST_PAUSE_SECONDS, PAUSE_STEP_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 0.4, 1.0
#: the longest time that a worker may hold a task
CONSUMER_TIMEOUT_MILLISECONDS = 7 * 24 * 3600 * 1000
#: deliveries of one message; in every version of RabbitMQ a number, and more than there will be
DELIVERY_LIMIT = 1_000_000

#: the setting of Celery's application with which names in the broker begin
PREFIX = "airfleet_prefix"

ARGUMENTS = {
    "x-queue-type": "quorum",
    "x-consumer-timeout": CONSUMER_TIMEOUT_MILLISECONDS,
    "x-delivery-limit": DELIVERY_LIMIT,
}


def prepare(app: Celery) -> None:
    """Have ``app`` declare queues and reach brokers as all of the fleet do; before it is used."""
    app.amqp_cls = f"{__name__}:FleetAMQP"


def in_broker(app: Celery, names: Collection[str]) -> dict[str, str]:
    """Name of each of these queues in the broker -> its name."""
    return {app.amqp.queues[name].name: name for name in names}


class FleetQueues(Queues):  # type: ignore[misc]
    """Queues that all have the same arguments, whoever names them first; by name, and named by fleet in the broker."""

    def __init__(self, *args: Any, prefix: str = "", **kwargs: Any) -> None:
        self._prefix = prefix
        super().__init__(*args, **kwargs)

    def __missing__(self, name: str) -> Any:
        """Return a queue by its name in the broker, as messages have it, or a new one."""
        if self._prefix and name.startswith(self._prefix):
            return self[name.removeprefix(self._prefix)]
        return super().__missing__(name)

    def deselect(self, exclude: str | Collection[str] | None) -> None:
        """Deselect queues as Celery does, by either name."""
        names = [exclude] if isinstance(exclude, str) else exclude or ()
        super().deselect([name.removeprefix(self._prefix) for name in names])

    def _add(self, queue: Any) -> Any:
        if queue.name.startswith(self._prefix) and queue.name.removeprefix(self._prefix) in self:
            return queue  # it was added before
        queue.queue_arguments = {**ARGUMENTS, **(queue.queue_arguments or {})}
        added = super()._add(queue)
        if self._prefix:
            self._name_by_fleet(added)
        return added

    def _name_by_fleet(self, queue: Any) -> None:
        queue.name = self._prefix + queue.name
        queue.routing_key = self._prefix + (queue.routing_key or "")
        if queue.exchange is not None and queue.exchange.name and not queue.exchange.name.startswith(self._prefix):
            queue.exchange = copy.copy(queue.exchange)
            queue.exchange.name = self._prefix + queue.exchange.name


class PatientConnection(Connection):
    """A connection that is tried again soon and without end, to a server with a certificate of its name."""

    def ensure_connection(self, errback: Any = None, max_retries: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Connect as kombu does, with pauses of our own where the caller names none."""
        if not args:
            kwargs = {
                "interval_start": FIRST_PAUSE_SECONDS,
                "interval_step": PAUSE_STEP_SECONDS,
                "interval_max": LONGEST_PAUSE_SECONDS,
                **kwargs,
            }
        return super().ensure_connection(errback, max_retries, *args, **kwargs)  # type: ignore[no-untyped-call]

    def _establish_connection(self) -> Any:
        """Connect as kombu does, and have RabbitMQ's certificate checked for its name, too."""
        if isinstance(self.ssl, dict) and str(self.transport_cls).startswith(("amqp", "pyamqp")):
            self.ssl = {**self.ssl, "server_hostname": self._name_of_server(self.ssl.get("server_hostname"))}
        return super()._establish_connection()  # type: ignore[no-untyped-call]

    def _name_of_server(self, last: str | None) -> str:
        """Return the host of the URL that is asked now. Kombu makes an address of ``localhost``."""
        return "localhost" if (self.hostname, last) == ("127.0.0.1", "localhost") else str(self.hostname)


class FleetAMQP(AMQP):  # type: ignore[misc]
    """Celery's view of the broker, with our queues and connections."""

    Connection = PatientConnection
    BrokerConnection = PatientConnection

    @property
    def queues_cls(self) -> Callable[..., FleetQueues]:
        """Makes the queues, with the prefix of the application."""
        return partial(FleetQueues, prefix=self.app.conf.get(PREFIX) or "")
