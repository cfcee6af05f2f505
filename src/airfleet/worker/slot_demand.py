"""How many slots of a worker stay warm: as many as were busy at once a short while ago, a few for longer.

A slot that is not warm costs the next attempt a fork, so a worker under steady load must keep all that it uses. A slot
that is warm and not used costs the machine its memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

#: as many slots stay as were busy at once in the last so many seconds
PEAK_SECONDS: Final = 30.0
#: of these, so many stay for longer, seconds: as long as the zygote of a Dag file
WARM_SLOTS: Final = 2
WARM_SECONDS: Final = 300.0


@dataclass
class SlotDemand:
    """The most slots that were busy at once, over the last minutes.

    >>> demand = SlotDemand()
    >>> demand.note(5, now=0.0)
    >>> [demand.wanted(now) for now in (0.0, 30.0, 31.0, 300.0, 301.0)]
    [5, 5, 2, 2, 0]
    """

    #: times and numbers of busy slots; a number is higher than all later ones
    _peaks: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, busy: int, now: float) -> None:
        """Take note of the number of busy slots at ``now``, seconds by a monotonic clock."""
        while self._peaks and self._peaks[-1][1] <= busy:
            self._peaks.pop()
        self._peaks.append((now, busy))
        while self._peaks[0][0] < now - WARM_SECONDS:
            self._peaks.popleft()

    def wanted(self, now: float) -> int:
        """Return how many slots are to be kept, busy ones included."""
        return max(self._most(now - PEAK_SECONDS), min(WARM_SLOTS, self._most(now - WARM_SECONDS)))

    def _most(self, since: float) -> int:
        return max((busy for when, busy in self._peaks if when >= since), default=0)
