"""The part of a worker that takes messages from the broker, and its proof that it does.

A worker can be connected, answer pings and take nothing: a subscription that was lost with a restart of the broker, a
channel that the broker has closed, a reply that never came. So each worker sends itself a message every few seconds,
through a queue of its own that it reads by the very consumer (connection, channel, poller) by which it reads tasks::

    send ──(another connection)──> the broker ──(the consumer of tasks)──> beat: the proof is written into a file

- A beat is written for any message that arrives, a task or one's own, and
- when the worker has no free slot: then it takes nothing because it should not, and the loop that says so is alive.
- While the broker is away nothing is written. The agent, which asks the broker itself, knows the difference, and
  replaces a worker that is silent while the broker is well (:mod:`airfleet.agent.probes.component_probe`).

The queue is new with each connection: the broker may still hold that of the last one for a connection that is dead.

Celery's step for delayed messages is left out: for quorum queues it declares 28 queues that a fleet never uses.
A channel that RabbitMQ closes (a task that ran for longer than ``consumer_timeout``) is opened again like a connection
that was lost; what runs goes on (``broker_channel_error_retry``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from celery import bootsteps
from celery.concurrency.asynpool import AsynPool
from celery.worker import state
from celery.worker.consumer import Consumer, Tasks
from kombu.entity import Exchange, Queue
from kombu.messaging import Producer

from airfleet.worker.prefetch import Surplus, is_full

log = logging.getLogger(__name__)

#: seconds between two messages of a worker to itself
BEAT_SECONDS = 2.5
#: names what the message is, where for a task stands which one
MESSAGE = "airfleet.alive"
#: a queue that nobody reads any more is removed after this long, seconds
_EXPIRES_SECONDS = 120
_DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"

_beat: Callable[[], None] = lambda: None  # noqa: E731 - until a worker says where it beats


def beat_with(write: Callable[[], None]) -> None:
    """Have ``write`` called for each proof; for the one worker of this process."""
    global _beat
    _beat = write


class Proof(bootsteps.StartStopStep):  # type: ignore[misc]
    """Sends a worker messages to itself, and beats when they arrive."""

    requires = (Tasks,)

    def __init__(self, consumer: FleetConsumer, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._timer: Any = None
        self._producer: Producer | None = None

    def start(self, consumer: FleetConsumer) -> None:
        """Declare the queue of this connection, read it with those of tasks, and send the first message."""
        name = f"{MESSAGE}.{consumer.hostname}.{uuid4().hex[:12]}"
        arguments = {"x-expires": _EXPIRES_SECONDS * 1000}
        queue = Queue(
            name, Exchange(""), name, durable=False, exclusive=True, auto_delete=True, queue_arguments=arguments
        )
        consumer.strategies[MESSAGE] = self._strategy(consumer)
        consumer.task_consumer.add_queue(queue)
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._send, (consumer, name))
        consumer.call_soon(self._send, consumer, name)

    def stop(self, consumer: FleetConsumer) -> None:
        """Send no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            consumer.timer.cancel(timer)
        self._let_go()

    shutdown = stop

    def _send(self, consumer: FleetConsumer, queue: str) -> None:
        if self._timer is None:
            return
        if is_full(consumer):
            _beat()
            return
        try:
            self._publish(consumer, queue)
        except Exception as error:
            # No beat comes of it, and that is what tells.
            log.warning("The worker cannot send itself a message: %s", error)
            self._let_go()

    def _publish(self, consumer: FleetConsumer, queue: str) -> None:
        if self._producer is None:
            # Not the consumer's own connection: RabbitMQ stops reading from one that sends while it is short of memory.
            self._producer = Producer(consumer.event_dispatcher.connection.channel(), auto_declare=False)
        self._producer.publish(
            {},
            exchange="",
            routing_key=queue,
            serializer="json",
            headers={"task": MESSAGE, "id": str(os.getpid())},
            delivery_mode="transient",
            expiration=_EXPIRES_SECONDS,
            retry=False,
        )

    def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.channel.close()
            except Exception:
                pass  # it is given up, perhaps because it does not work

    @staticmethod
    def _strategy(consumer: FleetConsumer) -> Callable[..., None]:
        def arrived(message: Any, *_: Any) -> None:
            message.ack_log_error(log, consumer.connection_errors)

        return arrived


class FleetConsumer(Consumer):  # type: ignore[misc]
    """Celery's consumer with our :class:`Proof`, and with :class:`Surplus` where there may be one."""

    #: set by the step itself, when it is part of this consumer
    surplus: Surplus | None = None

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The steps of a consumer's start."""

        default_steps = (
            *(step for step in Consumer.Blueprint.default_steps if step != _DELAYED_DELIVERY),
            f"{__name__}:Proof",
            "airfleet.worker.prefetch:Surplus",
        )

    def on_close(self) -> None:
        """Close as Celery does after a lost connection; running tasks go on to count as taken slots.

        Celery forgets all that it had taken, to take it again. But what runs is refused a second time, and a worker on
        Redis that does not count it takes messages that it has no slot for (``worker_disable_prefetch``). It also
        forgets which of its processes are busy (``AsynPool.flush``): a message that such a one is given waits for the
        end of what it runs, which may be hours, whatever other slots are free.
        """
        with busy_kept(self.pool._pool if self.pool else None):
            super().on_close()
        state.reserved_requests.update(state.active_requests)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Return the handler of messages, each of which proves that messages arrive."""
        handle = super().create_task_handler(*args, **kwargs)

        def received(message: Any) -> None:
            _beat()
            if self.surplus is not None and message.headers.get("task") != MESSAGE and is_full(self):
                self.surplus.hold(self, message, handle)
            else:
                handle(message)

        return received


@contextmanager
def busy_kept(pool: AsynPool | None) -> Iterator[None]:
    """Restore a pool's knowledge of its busy processes after the block, which forgets it.

    Each of them has its task, so each tells its end, upon which the pool holds it to be free.
    """
    busy = {fd: pool._fileno_to_inq.get(fd) for fd in pool._busy_workers} if pool else {}
    yield
    if pool:  # but not of those that died meanwhile: the descriptor may be another's now
        living = pool._fileno_to_inq
        pool._busy_workers.update(fd for fd, process in busy.items() if process and living.get(fd) is process)
