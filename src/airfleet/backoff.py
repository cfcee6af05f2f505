"""Backoff: how long to wait before something that failed is tried again. Pure; all times are seconds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

#: a power that no backoff reaches before its longest delay, and that no float overflows at
_MOST_POWER = 64


@dataclass(frozen=True)
class Backoff:
    """Delays that grow by a factor up to the longest.

    >>> lookups = Backoff(first=0.5, most=3.0)
    >>> [lookups.delay(failures) for failures in (1, 2, 3, 4, 5)]
    [0.5, 1.0, 2.0, 3.0, 3.0]

    With jitter, many that failed at one moment do not come back at one moment:

    >>> spread = Backoff(first=0.5, most=3.0, jitter=0.5)
    >>> [spread.delay(3, chance) for chance in (lambda: 0.0, lambda: 0.5)]
    [1.0, 1.5]
    """

    #: the delay after the first failure
    first: float
    #: the longest delay
    most: float
    factor: float = 2.0
    #: the share of a delay that chance may take away, 0 to 1
    jitter: float = 0.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """Return the seconds to wait after so many failures in a row, the first of which is number 1.

        ``chance`` gives numbers from 0 to 1, and is asked only where there is jitter.
        """
        power = min(max(failures - 1, 0), _MOST_POWER)
        delay = min(self.first * self.factor**power, self.most)
        return delay * (1.0 - self.jitter * (1.0 - chance())) if self.jitter else delay


@dataclass(frozen=True)
class Steps:
    """Delays one after the other; the last one repeats.

    >>> [Steps(60.0, (120.0, 300.0)).delay(failures) for failures in (1, 2, 3, 4)]
    [60.0, 120.0, 300.0, 300.0]
    """

    first: float
    then: tuple[float, ...] = ()

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, the first of which is number 1."""
        steps = (self.first, *self.then)
        return steps[min(max(failures, 1), len(steps)) - 1]


#: between two tries of something that a person probably has to mend: a component that was given up, a Dag that the
#: scheduler cannot use, a file that the dag-processor cannot store
UNTIL_MENDED = Steps(60.0, (120.0, 300.0))
