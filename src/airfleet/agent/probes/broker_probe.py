"""The broker probe: a connection, kept open, over which the broker has to take a message and give it back.

Redis and Valkey are asked to store a key that lives for seconds; sentinels are asked first where that server is.
RabbitMQ gets a message for a queue of this connection's own, and has to hand it back. That is more than an answer to a
ping: a server without memory or disk for one message more, or a replica that takes no writes, is of no use to a fleet.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from airfleet.agent.probes.amqp_line import AmqpLine
from airfleet.agent.probes.broker_line import Line
from airfleet.agent.probes.redis_line import RedisLine
from airfleet.fleet.servers.brokers import Broker


def line_to(broker: Broker, clock: Callable[[], float] = time.monotonic) -> Line:
    """Make the line for a kind of broker; it connects when first used."""
    return AmqpLine(broker, clock) if broker.kind == "amqp" else RedisLine(broker, clock)
