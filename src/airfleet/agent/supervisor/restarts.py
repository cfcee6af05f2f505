"""When a component that died is started again, and when it is given up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: seconds a component must have been ready for its earlier deaths to be forgotten
HEALED_AFTER = 60.0


@dataclass(frozen=True)
class Policy:
    """How patient the agent is with one component."""

    #: deaths before it was ever ready, after which it is given up
    start_attempts: int = 3
    #: deaths within ``window_seconds`` after which it is given up although it was ready once
    attempts: int = 10
    window_seconds: float = 300.0
    #: longest wait before a start, seconds
    longest_wait: float = 30.0


#: seconds until a component that was given up is tried again
_AFTER_GIVING_UP = (60.0, 120.0, 300.0)


def wait_after_giving_up(times: int) -> float:
    """Seconds until a component is tried again that was given up so often before.

    >>> [wait_after_giving_up(times) for times in range(4)]
    [60.0, 120.0, 300.0, 300.0]
    """
    return _AFTER_GIVING_UP[min(times, len(_AFTER_GIVING_UP) - 1)]


def wait_before_start(deaths: int, policy: Policy = Policy()) -> float:
    """Seconds to wait after this many deaths in a row: 0, 1, 2, 4, ... up to the longest.

    >>> [wait_before_start(deaths) for deaths in (1, 2, 3, 4)]
    [0.0, 1.0, 2.0, 4.0]
    """
    if deaths <= 1:
        return 0.0
    doublings = min(deaths - 2, 32)  # more would only overflow; the limit was reached long before
    return min(2.0**doublings, policy.longest_wait)


def gives_up(deaths: Sequence[float], was_ready: bool, now: float, policy: Policy = Policy()) -> bool:
    """Whether to stop trying: ``deaths`` are the moments it died, seconds on the clock of ``now``."""
    if not was_ready:
        return len(deaths) >= policy.start_attempts
    return sum(1 for death in deaths if now - death <= policy.window_seconds) >= policy.attempts
