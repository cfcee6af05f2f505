"""A fleet that does what it is ordered to, for ``scale`` and ``drain``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airfleet.agent.control import HostStatus, Snapshot
from airfleet.agent.states import HostState
from airfleet.client import overrides
from support.fake_agent import FakeAgent, component, snapshot

LIGHT = (component("light", kind="worker", group="light"), component("light-2", kind="worker", group="light"))
API = component("api-server")


def alone(**orders: Any) -> Snapshot:
    """A fleet without hosts."""
    return snapshot(*LIGHT, API, orders=orders)


def two(state: str = "up", **more: Any) -> Snapshot:
    """A fleet of two hosts, of which the agent of the first answers."""
    far = HostStatus("b", HostState(state), components=(*LIGHT, API), **more)
    return snapshot(API, host="a", hosts=(HostStatus("a", HostState.UP, components=(API,)), far))


class Obeying(FakeAgent):
    """Shows the fleet as it is after an order the second time that it is asked since."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        super().__init__([before])
        self.after = after
        self.asked_since = 0

    @property
    def has_shown_it(self) -> bool:
        return self.watched == (self.after,)

    def answers(self, request: dict[str, object]) -> Iterator[Snapshot]:
        self.asked_since += bool(self.orders)
        if self.asked_since == 2:
            self.watched = (self.after,)
        return super().answers(request)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again at once."""
    monkeypatch.setattr(overrides, "PAUSE_SECONDS", 0.0)
