"""Restart policy: the delay before each restart of a dead component, and when to give up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airfleet.backoff import Backoff

#: seconds a component must have been ready for its earlier deaths to be forgotten
HEALED_AFTER_SECONDS = 60.0
#: before each start after the second death
START_BACKOFF = Backoff(first=1.0, most=30.0)


@dataclass(frozen=True)
class RestartPolicy:
    """Bounds for the restarts of one component."""

    #: deaths before it was ever ready, after which it is given up
    start_attempts: int = 3
    #: deaths within ``window_seconds`` after which it is given up although it was ready once
    attempts: int = 10
    window_seconds: float = 300.0
    #: delays before restarts
    backoff: Backoff = START_BACKOFF


def wait_before_start(deaths: int, policy: RestartPolicy = RestartPolicy()) -> float:
    """Return the seconds to wait after this many deaths in a row: 0, 1, 2, 4, ... up to the longest.

    >>> [wait_before_start(deaths) for deaths in (1, 2, 3, 4)]
    [0.0, 1.0, 2.0, 4.0]
    """
    return policy.backoff.delay(deaths - 1) if deaths > 1 else 0.0


def gives_up(deaths: Sequence[float], was_ready: bool, now: float, policy: RestartPolicy = RestartPolicy()) -> bool:
    """Tell whether to stop trying: ``deaths`` are the moments it died, seconds on the clock of ``now``."""
    if not was_ready:
        return len(deaths) >= policy.start_attempts
    return sum(1 for death in deaths if now - death <= policy.window_seconds) >= policy.attempts
