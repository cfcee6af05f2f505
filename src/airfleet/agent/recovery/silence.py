"""Silent attempts: their heartbeats have stopped, although the API hears others of this host.

When all are silent the API may be away, and each monitor ends by itself in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from airfleet.agent.recovery.attempt_processes import AttemptRow

#: seconds without a heartbeat after which an attempt is silent, if the fleet sets no other
SILENT_SECONDS = 240.0
#: the API hears this host while some attempt's last heartbeat is younger, seconds
HEARD_SECONDS = 30.0
#: seconds after which a token is void, so that a silent monitor has nothing left to wait for
VOID_SECONDS = 20_000.0
#: seconds between two looks after which it is unknown who was silent meanwhile
BLIND_SECONDS = 30.0


@dataclass
class SilenceWatch:
    """Remembers heartbeats from look to look; its clock is the caller's, whatever clock the heartbeats tell."""

    silent_seconds: float = SILENT_SECONDS
    #: attempts -> their last heartbeat, and since when it is the last one
    _beats: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: since when some attempt is always heard; never while none is
    _heard_since: float = math.inf
    _looked_at: float = -math.inf

    def look(self, rows: Iterable[AttemptRow], now: float) -> set[str]:
        """Return the attempts whose monitors say nothing, though they could."""
        known = self._beats if now - self._looked_at <= BLIND_SECONDS else {}
        self._looked_at = now
        self._beats = {row.ti_id: _since(row.beat, known.get(row.ti_id), now) for row in rows if not row.restarting}
        quiet = {ti_id: now - since for ti_id, (_, since) in self._beats.items()}
        is_heard = min(quiet.values(), default=math.inf) <= HEARD_SECONDS
        # After an outage of the API one is heard first, and all others get the time to be heard, too.
        self._heard_since = min(self._heard_since, now) if is_heard else math.inf
        heard_for = max(now - self._heard_since, 0.0)
        return {
            ti_id
            for ti_id, seconds in quiet.items()
            if min(seconds, heard_for) > self.silent_seconds or seconds > VOID_SECONDS
        }


def _since(beat: float, before: tuple[float, float] | None, now: float) -> tuple[float, float]:
    """Return a heartbeat, and since when it is the last one."""
    return before if before is not None and before[0] == beat else (beat, now)
