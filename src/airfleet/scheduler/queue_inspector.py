"""The content of the broker: messages that no worker has taken, and the identity of the broker.

Redis and Valkey tell which messages wait, and which are held by some worker that has not said that it is done with
them. Other brokers tell only how many wait.

The *epoch* changes when messages may have been lost without anybody noticing: another server process (it may have
lost its last second), or one whose data are gone (a key of ours is missing).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from kombu.connection import Connection

#: messages of one queue that are read at the most; of a longer one only the length counts
MOST_MESSAGES = 2000
#: a key of ours in Redis: as long as it is there, so is what was written after it
EPOCH_KEY = "airfleet.epoch"


@dataclass(frozen=True)
class Waiting:
    """The messages of one queue: how many wait, which these are, and which are held by workers (if it is told)."""

    count: int
    ids: frozenset[str] | None = None
    held: frozenset[str] = frozenset()
    #: how many of those that wait may be others'
    of_others: int = 0

    @property
    def is_told(self) -> bool:
        """Whether the broker told which messages wait, and not only how many."""
        return self.ids is not None or not self.count

    def is_certain(self, is_doubted: bool) -> bool:
        """Tell whether one look is enough to call a message missing.

        By a mere number, a message may be on its way to a worker; a doubted one may not wait for a second look.
        """
        return self.is_told if is_doubted else self.ids is not None

    def lacks(self, messages: Sequence[str]) -> frozenset[str]:
        """Return the messages that do not wait; by a mere number, as many as must be missing.

        The first of these messages are the most likely to be missing: a queue hands out the oldest first. It may hold
        messages of other schedulers; while their number is unknown, some missing messages are not seen.
        """
        if self.ids is not None:
            return frozenset(messages) - self.ids
        ours = max(0, self.count - self.of_others)
        return frozenset(messages[: max(0, len(messages) - ours)])


def missing(queued: Mapping[str, str], waiting: Mapping[str, Waiting]) -> frozenset[str]:
    """Return unstarted messages missing from every queue; ``queued`` is id -> queue, the most likely first."""
    by_queue: dict[str, list[str]] = defaultdict(list)
    for message, queue in queued.items():
        by_queue[queue].append(message)
    found = (waiting.get(queue, Waiting(0)).lacks(messages) for queue, messages in by_queue.items())
    return frozenset[str]().union(*found)


def held(waiting: Mapping[str, Waiting]) -> frozenset[str]:
    """Return messages that a worker has taken and not finished."""
    return frozenset[str]().union(*(content.held for content in waiting.values()))


def epoch(connection: Connection) -> str:
    """Return the identity of this broker and its data; empty if unknown. Raises what the transport raises."""
    channel: Any = connection.default_channel
    if not _is_redis(channel):
        return ""
    try:
        with channel.conn_or_acquire() as client:
            client.set(EPOCH_KEY, str(uuid4()), nx=True)
            return f"{client.info('server').get('run_id')} {_text(client.get(EPOCH_KEY))}"
    except connection.channel_errors:
        return ""  # we may not ask that


def look(connection: Connection, queues: Collection[str]) -> dict[str, Waiting]:
    """Return the content of these queues. Raises what the transport raises."""
    channel: Any = connection.default_channel
    if _is_redis(channel):
        with channel.conn_or_acquire() as client:
            return _look_into_redis(client, channel, queues)
    return {queue: _count(connection, queue) for queue in queues}


def _is_redis(channel: Any) -> bool:
    return hasattr(channel, "unacked_key") and hasattr(channel, "_q_for_pri")


def _look_into_redis(client: Any, channel: Any, queues: Collection[str]) -> dict[str, Waiting]:
    holding = _ids(json.loads(value)[0] for value in client.hvals(channel.unacked_key))
    return {queue: _in_lists(client, _lists(channel, queue), holding) for queue in queues}


def _lists(channel: Any, queue: str) -> list[str]:
    """Return the lists of one queue, one for each priority."""
    return list(dict.fromkeys(channel._q_for_pri(queue, priority) for priority in channel.priority_steps))


def _in_lists(client: Any, lists: Iterable[str], holding: frozenset[str]) -> Waiting:
    count, ids = 0, frozenset[str]()
    for name in lists:
        size = client.llen(name)
        count += size
        if 0 < size <= MOST_MESSAGES:
            ids |= _ids(map(json.loads, client.lrange(name, 0, -1)))
    return Waiting(count, ids if count <= MOST_MESSAGES else None, holding)


def _ids(messages: Iterable[Any]) -> frozenset[str]:
    found = set()
    for message in messages:
        with suppress(KeyError, TypeError):
            found.add(str(message["headers"]["id"]))
    return frozenset(found)


def _count(connection: Connection, queue: str) -> Waiting:
    # A queue that is not there closes the channel that asks for it.
    with connection.channel() as channel:
        try:
            return Waiting(int(channel.queue_declare(queue=queue, passive=True).message_count))
        except connection.channel_errors:
            return Waiting(0)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
