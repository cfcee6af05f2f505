"""The states of a component, which may follow which, the type of their reasons, and the states of a host.

Imports nothing of ours.

::

    waiting ──> starting ──> ready <──> degraded
       ^            │           │          │
       │            v           v          v
       └──────── backoff <──────┴──────────┘      (it died; it will be started again)
                    │
                    v
                 gave_up ──> waiting               (it died too often, too fast; it is tried again later)

    ready ──> sleeping ──> waiting                (it had nothing to do; it is started when there is something)
    any state ──> stopping ──> stopped
    starting ──> done                              (a step that ends by itself, like the migration)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum


class State(StrEnum):
    """The states of a component."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    GAVE_UP = "gave_up"
    DONE = "done"
    #: no process runs, because there is nothing to do
    SLEEPING = "sleeping"


class HostState(StrEnum):
    """The states of a host, as others see it."""

    UP = "up"
    #: its lease is not renewed
    LATE = "late"
    #: others took it over
    GONE = "gone"
    #: it ended in good order
    LEFT = "left"

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing runs there any more."""
        return self in (HostState.GONE, HostState.LEFT)


class Reason(ABC):
    """The cause of a state, a frozen value. Its text is for people; decisions look at the value."""

    @abstractmethod
    def __str__(self) -> str: ...


#: the label of each state for people
LABELS = {
    State.WAITING: "waiting",
    State.STARTING: "starting",
    State.READY: "healthy",
    State.DEGRADED: "degraded",
    State.BACKOFF: "restarting",
    State.STOPPING: "stopping",
    State.STOPPED: "stopped",
    State.GAVE_UP: "failed",
    State.DONE: "done",
    State.SLEEPING: "sleeping",
}

ALIVE = frozenset({State.STARTING, State.READY, State.DEGRADED, State.STOPPING})
ENDED = frozenset({State.STOPPED, State.GAVE_UP, State.DONE})
FINE = frozenset({State.READY, State.DONE, State.SLEEPING})

_AFTER_DEATH = frozenset({State.BACKOFF, State.GAVE_UP, State.STOPPING, State.STOPPED})
FOLLOWS = {
    State.WAITING: frozenset({State.STARTING, State.SLEEPING, State.STOPPING, State.STOPPED}),
    State.STARTING: frozenset({State.READY, State.DONE, State.SLEEPING, *_AFTER_DEATH}),
    State.READY: frozenset({State.DEGRADED, State.SLEEPING, *_AFTER_DEATH}),
    State.DEGRADED: frozenset({State.READY, State.SLEEPING, *_AFTER_DEATH}),
    State.BACKOFF: frozenset({State.WAITING, State.STARTING, State.STOPPED}),
    State.STOPPING: frozenset({State.STOPPED}),
    State.STOPPED: frozenset({State.WAITING}),
    State.GAVE_UP: frozenset({State.WAITING, State.STOPPED}),
    State.DONE: frozenset({State.WAITING, State.STOPPED}),
    State.SLEEPING: frozenset({State.WAITING, State.STOPPED}),
}
