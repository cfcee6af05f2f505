"""Snapshots of an agent as they come."""

from __future__ import annotations

import pytest

from support.fake_agent import component, snapshot

POSTGRES = component("postgres", started_after=1.2)


SCHEDULER = component("scheduler", started_after=4.06, address="127.0.0.1:8974")


READY = snapshot(
    POSTGRES,
    SCHEDULER,
    url="http://127.0.0.1:8080",
    user="admin",
    password_file="/shop/.airfleet/password",
    elapsed=8.2,
)


def test_follow_gives_the_agents_mistakes_to_the_caller() -> None:
    from airfleet.client.snapshot_stream import follow

    def broken() -> object:
        yield READY
        raise ValueError("not a snapshot")

    seen = follow(broken())  # type: ignore[arg-type]
    assert next(seen) == READY
    with pytest.raises(ValueError, match="not a snapshot"):
        list(seen)
