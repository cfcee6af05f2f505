"""When a late heartbeat counts: after an outage, from the moment on at which one could be sent again."""

from __future__ import annotations

import pytest

from airfleet.runtime.presence import GAP_SECONDS, Presence, may_time_out

TIMEOUT, PATIENCE = 300.0, 3600.0


@pytest.mark.parametrize(
    ("presence", "may"),
    [
        (None, True),
        (Presence(since_seconds=86_400, silent_seconds=3), True),
        (Presence(since_seconds=TIMEOUT, silent_seconds=3), True),
        # back since a moment: everybody's heartbeat is old, and nobody could help it
        (Presence(since_seconds=2, silent_seconds=2), False),
        (Presence(since_seconds=TIMEOUT - 1, silent_seconds=3), False),
        # away: attempts go on for as long as their patience lasts
        (Presence(since_seconds=86_400, silent_seconds=GAP_SECONDS + 1), False),
        (Presence(since_seconds=86_400, silent_seconds=PATIENCE), False),
        (Presence(since_seconds=86_400, silent_seconds=PATIENCE + TIMEOUT), True),
    ],
)
def test_may_time_out(presence: Presence | None, may: bool) -> None:
    assert may_time_out(presence, TIMEOUT, PATIENCE) is may
