"""Prefetched messages that a full worker requeues, so that another worker may take them.

RabbitMQ counts the prefetch of each quorum queue by itself: a worker with four slots and three queues is sent twelve
messages. Eight of them would wait for its slots, perhaps for hours, while other workers are idle. So a message that
arrives while every slot has a task is held here::

    arrived ──a slot is free──> taken            held ──a second has passed──> given back; its queue is not read
                                                                                until a slot is free again

The same happens with one queue after a connection was lost, while tasks still run that came by the old one.

A second is long enough for short tasks, which then find their next message here. Redis counts for the worker as a whole
and goes without this step.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer, Tasks

#: a message is held for so long before it is given back, and between two looks, seconds
PATIENCE_SECONDS, LOOK_SECONDS = 1.0, 0.02


def is_full(consumer: Consumer) -> bool:
    """Tell whether every slot of the worker has a task."""
    slots: int = consumer.pool.num_processes
    return len({*state.reserved_requests, *state.active_requests}) >= slots


@dataclass
class _Held:
    message: Any
    take: Callable[[Any], None]
    since: float


class Surplus(bootsteps.StartStopStep):  # type: ignore[misc]
    """Messages held for a worker on RabbitMQ."""

    requires = (Tasks,)

    def __init__(self, consumer: Consumer, clock: Callable[[], float] = time.monotonic, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._clock = clock
        self._held: deque[_Held] = deque()
        self._unread: set[str] = set()
        self._timer: Any = None

    def include_if(self, consumer: Consumer) -> bool:
        """Tell whether the broker is RabbitMQ, where each queue has a limit of its own."""
        return bool(consumer.conninfo.transport.driver_type == "amqp")

    def start(self, consumer: Consumer) -> None:
        """Begin without messages: those of an old connection are the broker's again."""
        self._let_go(consumer)
        consumer.surplus = self

    def stop(self, consumer: Consumer) -> None:
        """Forget the messages, as at the start."""
        self._let_go(consumer)

    shutdown = stop

    def hold(self, consumer: Consumer, message: Any, take: Callable[[Any], None]) -> None:
        """Keep a message until a slot is free, or for a second."""
        self._held.append(_Held(message, take, self._clock()))
        self._look_soon(consumer)

    def look(self, consumer: Consumer) -> None:
        """Take messages for free slots, and requeue those that waited for too long."""
        self._timer = None
        while self._held and not is_full(consumer):
            held = self._held.popleft()
            held.take(held.message)
        while self._held and self._clock() - self._held[0].since >= PATIENCE_SECONDS:
            self._give_back(consumer, self._held.popleft().message)
        if self._unread and not is_full(consumer):
            self._read_again(consumer)
        if self._held or self._unread:
            self._look_soon(consumer)

    def _give_back(self, consumer: Consumer, message: Any) -> None:
        queue = message.delivery_info["routing_key"]
        if queue not in self._unread:
            # First no more of them, or it would come back at once.
            consumer.task_consumer.cancel_by_queue(queue)
            self._unread.add(queue)
        message.requeue()

    def _read_again(self, consumer: Consumer) -> None:
        for queue in self._unread:
            consumer.task_consumer.add_queue(consumer.app.amqp.queues[queue])
        self._unread.clear()
        consumer.task_consumer.consume()

    def _look_soon(self, consumer: Consumer) -> None:
        if self._timer is None:
            self._timer = consumer.timer.call_after(LOOK_SECONDS, self.look, (consumer,))

    def _let_go(self, consumer: Consumer) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            consumer.timer.cancel(timer)
        self._held.clear()
        self._unread.clear()
