"""Backoff of the executor's messages: while the broker is gone, and of single messages that it refuses."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

from airfleet.backoff import Backoff

#: between two tries to reach the broker: tasks are to start within five seconds of its return
BROKER_BACKOFF = Backoff(first=0.5, most=1.0)
#: between two tries to send one message that the broker refuses
REFUSED_BACKOFF = Backoff(first=0.5, most=30.0)


@dataclass(frozen=True)
class RefusedMessage:
    """A message that the broker refused, for itself or for its queue."""

    #: when it is tried again, by the monotonic clock
    again_at: float
    #: refusals in a row
    times: int

    @property
    def pause(self) -> float:
        """The seconds from its refusal to the next try."""
        return REFUSED_BACKOFF.delay(self.times)


@dataclass
class SendBackoff:
    """Decides when messages, known by a key, may be sent. Times are monotonic seconds."""

    #: nothing is sent before
    broker_at: float = 0.0
    #: failures in a row to reach the broker
    unreached: int = 0
    refused: dict[Hashable, RefusedMessage] = field(default_factory=dict)

    def broker_gone(self, now: float) -> float:
        """Back off from the broker; return for how many seconds."""
        self.unreached += 1
        pause = BROKER_BACKOFF.delay(self.unreached)
        self.broker_at = now + pause
        return pause

    def broker_reached(self) -> None:
        """Begin with the shortest pause when the broker goes away again."""
        self.unreached = 0

    def message_refused(self, key: Hashable, now: float) -> RefusedMessage:
        """Back off from one message; the others go on."""
        before = self.refused.get(key)
        times = before.times + 1 if before else 1
        self.refused[key] = RefusedMessage(now + REFUSED_BACKOFF.delay(times), times)
        return self.refused[key]

    def forget(self, key: Hashable) -> None:
        """Forget refusals of a message that was taken, or is not wanted any more."""
        self.refused.pop(key, None)

    def resting(self, now: float) -> set[Hashable]:
        """Return the messages that are not tried now."""
        return {key for key, refused in self.refused.items() if refused.again_at > now}

    def next_at(self, queued: Collection[Hashable]) -> float:
        """Return when the first of these messages may be sent."""
        if not self.refused:
            return self.broker_at
        first = min(self.refused[key].again_at if key in self.refused else 0.0 for key in queued)
        return max(self.broker_at, first)
