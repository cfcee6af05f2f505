"""Snapshots of an agent as they come."""

from __future__ import annotations

import pytest

from support.fake_agent import READY


def test_follow_gives_the_agents_mistakes_to_the_caller() -> None:
    from airfleet.client.snapshot_stream import follow

    def broken() -> object:
        yield READY
        raise ValueError("not a snapshot")

    seen = follow(broken())  # type: ignore[arg-type]
    assert next(seen) == READY
    with pytest.raises(ValueError, match="not a snapshot"):
        list(seen)
