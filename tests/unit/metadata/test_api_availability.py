"""When a late heartbeat counts: after an outage, from the moment on at which one could be sent again."""

from __future__ import annotations

import pytest

from airfleet.metadata.api_availability import GAP_SECONDS, Presence, oldest_heartbeat

TIMEOUT, PATIENCE = 300.0, 3600.0


@pytest.mark.parametrize(
    ("presence", "seconds"),
    [
        (None, TIMEOUT),
        (Presence(since_seconds=86_400, silent_seconds=3), TIMEOUT),
        (Presence(since_seconds=TIMEOUT, silent_seconds=3), TIMEOUT),
        # back since a moment: everybody's heartbeat is old, and nobody could help it
        (Presence(since_seconds=2, silent_seconds=2), PATIENCE + TIMEOUT),
        (Presence(since_seconds=TIMEOUT - 1, silent_seconds=3), PATIENCE + TIMEOUT),
        # away, or nobody runs: attempts go on for as long as their patience lasts
        (Presence(since_seconds=86_400, silent_seconds=GAP_SECONDS + 1), PATIENCE + TIMEOUT),
        (Presence(since_seconds=86_400, silent_seconds=86_400), PATIENCE + TIMEOUT),
    ],
)
def test_how_old_a_heartbeat_may_be(presence: Presence | None, seconds: float) -> None:
    assert oldest_heartbeat(presence, TIMEOUT, PATIENCE) == seconds
