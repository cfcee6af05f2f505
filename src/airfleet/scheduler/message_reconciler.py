"""Lost messages: sent, waiting nowhere, and no worker has begun their attempts. They are sent again.

A broker loses messages (a crash, a wiped volume), a worker dies with messages that it has taken and not begun, a
scheduler dies between its commit and its send. All of them leave a task instance *queued* for which no message waits.
Sending it again under the same id is always safe: an attempt is started at most once, the database sees to it.

A message that was sent is *watched* until its attempt has begun::

    watched ──waits in its queue───────────────────────────────> left alone
       │    ──waits nowhere, nobody holds it────10 s, 20 s, …──> sent again
       │    ──held by a worker that has not begun it──60 s, …──> sent again (it may be waiting for an api-server)
       ├doubted (the broker or a worker was lost)──────────2 s─> sent again, whoever holds it, unless it waits
       └unsent (adopted; taken by who could not begin it)──────> sent again, unless it is seen to wait

RabbitMQ tells only how many messages wait, and so does Redis of a long queue. Where fewer wait than are watched, the
oldest are missing. Each must be missing in two looks with some time between them, for some messages are always on their
way to a worker. An unsent message is sent whatever the number. After a loss, the messages of other schedulers are
counted and left out: their backlog would hide the loss.

The broker is asked with the first message of all, so that another broker is known for another one, and then while
something is watched for some seconds, and not else: an idle fleet costs nothing. Whether it still is the same one is a
small question, and asked each second meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from airfleet.backoff import Backoff
from airfleet.scheduler.queue_inspector import Waiting, held, missing

#: between two questions to the broker, seconds; and while messages are doubted
LOOK_SECONDS, DOUBTFUL_LOOK_SECONDS = 5.0, 1.0
#: between two questions to the broker whether it is still the one we knew, seconds
EPOCH_SECONDS = 1.0
#: until the first one about a message that is watched alone, seconds
FIRST_LOOK_SECONDS = 2.0
#: until a message that waits nowhere is sent again, and one that a worker holds
LOST_BACKOFF, HELD_BACKOFF = Backoff(first=10.0, most=320.0), Backoff(first=60.0, most=320.0)
#: a message on its way from a queue to a worker is in neither place for a moment
PASSING_SECONDS = 2.0

#: what the broker says: its epoch, and what waits in the queues
Answer = tuple[str, Mapping[str, Waiting]]


@dataclass
class Message:
    """A message that was sent and not begun."""

    queue: str
    sent_at: float
    sends: int = 1
    doubted: bool = False
    #: when it is to be sent, as it was perhaps not sent, or in vain; None for one of which neither is known
    unsent_from: float | None = None
    #: since when it has been missing
    missing_since: float | None = None


def is_to_be_sent(message: Message, now: float, is_held: bool, content: Waiting) -> bool:
    """Tell whether a message is to be sent again, by the content of its queue."""
    if message.unsent_from is not None:
        return now >= message.unsent_from and (message.missing_since is not None or not content.is_told)
    if message.missing_since is None:
        return False
    if not content.is_certain(message.doubted) and now - message.missing_since < PASSING_SECONDS:
        return False
    age = now - message.sent_at
    if message.doubted:
        return age >= PASSING_SECONDS
    return age >= (HELD_BACKOFF if is_held else LOST_BACKOFF).delay(message.sends)


class Reconciler:
    """Watches messages by their ids. ``ask`` asks the broker about queues; it may raise."""

    def __init__(self, ask: Callable[[Collection[str]], Answer]) -> None:
        self._ask = ask
        self.watched: dict[str, Message] = {}
        self._epoch = ""
        self._look_at = self._epoch_at = 0.0
        self._has_asked = False

    def sent(self, message: str, queue: str, now: float) -> None:
        """Watch a message that was sent, or sent again."""
        known = self.watched.get(message)
        self.watched.pop(message, None)  # so that the order is that in which they were sent
        self.watched[message] = Message(queue, now, known.sends + 1 if known else 1)
        if len(self.watched) == 1 and self._has_asked:
            self._look_at = max(self._look_at, now + FIRST_LOOK_SECONDS)
            self._epoch_at = now + EPOCH_SECONDS

    def adopt(self, message: str, queue: str, now: float) -> None:
        """Watch a message that another scheduler sent, or did not come to send."""
        self.watched.pop(message, None)
        self.watched[message] = Message(queue, now, unsent_from=now)
        self._look_at = min(self._look_at, now)

    def came_to_nothing(self, message: str, again_at: float) -> None:
        """Take note that a worker took a message and could not begin its attempt."""
        if message in self.watched:
            self.watched[message].unsent_from = again_at
            self._look_at = min(self._look_at, again_at)

    def hasten(self, message: str, now: float) -> None:
        """Have a message that was taken in vain sent now, whatever its pause: it would not be in vain again."""
        known = self.watched.get(message)
        if known is not None and known.unsent_from is not None:
            self.came_to_nothing(message, min(now, known.unsent_from))

    def forget(self, message: str) -> None:
        """Stop watching a message whose attempt has begun, or is over."""
        self.watched.pop(message, None)

    def doubt_all(self, now: float) -> None:
        """Doubt all messages: some may have been lost."""
        for message in self.watched.values():
            message.doubted = True
        self._look_at = min(self._look_at, now)

    def notice_another_broker(self, now: float) -> None:
        """Doubt all messages if the broker is not the one we knew; asks when it is time. Raises what asking raises."""
        if not self.watched or not self._epoch or now < self._epoch_at or self.is_due(now):
            return
        self._epoch_at = now + EPOCH_SECONDS
        epoch, _ = self._ask(())
        if epoch != self._epoch:
            self.doubt_all(now)

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to ask the broker about its queues."""
        return bool(self.watched) and now >= self._look_at

    def to_send(self, now: float) -> frozenset[str]:
        """Ask the broker, and return the messages that are to be sent again. Raises the errors of asking."""
        self._look_at, self._epoch_at = now + LOOK_SECONDS, now + EPOCH_SECONDS
        epoch, waiting = self._ask({message.queue for message in self.watched.values()})
        self._has_asked = True
        if epoch != self._epoch and self._epoch:
            self.doubt_all(now)
        self._epoch = epoch
        self._note_what_is_missing(missing(self._most_likely_first(), waiting), now)
        holding = held(waiting)
        found = frozenset(
            name
            for name, message in self.watched.items()
            if is_to_be_sent(message, now, name in holding, waiting.get(message.queue, Waiting(0)))
        )
        self._settle({queue for queue, content in waiting.items() if content.is_told}, now)
        return found

    def _most_likely_first(self) -> dict[str, str]:
        """Return id -> queue, in the order in which messages of a queue are likely to be missing."""
        order = sorted(self.watched.items(), key=lambda item: item[1].unsent_from is None)
        return {name: message.queue for name, message in order}

    def _note_what_is_missing(self, nowhere: Collection[str], now: float) -> None:
        for name, message in self.watched.items():
            since = message.missing_since if message.missing_since is not None else now
            message.missing_since = since if name in nowhere else None

    def _settle(self, told: Collection[str], now: float) -> None:
        for message in self.watched.values():
            waits = message.missing_since is None
            message.doubted &= not waits
            if waits and message.queue in told:
                message.unsent_from = None
        if any(message.doubted for message in self.watched.values()):
            self._look_at = now + DOUBTFUL_LOOK_SECONDS
        due = [message.unsent_from for message in self.watched.values() if message.unsent_from is not None]
        if due:
            self._look_at = min(self._look_at, max(min(due), now + DOUBTFUL_LOOK_SECONDS))
