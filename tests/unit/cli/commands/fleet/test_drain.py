"""``drain``: what is refused, and what the agent is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airfleet.agent.control import HostStatus, Snapshot
from airfleet.client import overrides
from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, component, listening, snapshot

LIGHT = (component("light", kind="worker", group="light"), component("light-2", kind="worker", group="light"))


API = component("api-server")


def alone(**orders: Any) -> Snapshot:
    """A fleet without hosts."""
    return snapshot(*LIGHT, API, orders=orders)


def two(state: str = "up", **more: Any) -> Snapshot:
    """A fleet of two hosts, of which the agent of the first answers."""
    far = HostStatus("b", state, components=(*LIGHT, API), **more)
    return snapshot(API, host="a", hosts=(HostStatus("a", "up", components=(API,)), far))


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


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("words", "order", "after", "said"),
    [
        ((), {"do": "order", "orders": {"drained": True}}, {"drained": True}, "takes no more tasks"),
        (("--undo",), {"do": "order", "orders": {"drained": None}}, {"drained": False}, "takes tasks again"),
        (("--gone",), {"do": "bury"}, {"state": "gone"}, "is gone: what ran there runs again elsewhere"),
    ],
)
def test_a_host_is_drained_taken_back_or_said_to_be_gone(
    project: Project,
    airfleet: Airfleet,
    words: tuple[str, ...],
    order: dict[str, Any],
    after: dict[str, Any],
    said: str,
) -> None:
    fleet = Obeying(two("late" if "--gone" in words else "up", drained="--undo" in words), two(**after))
    with listening(fleet, project.paths.socket):
        result = airfleet("drain", "b", *words)
    assert (result.code, result.out) == (0, f"host 'b' {said}\n")
    assert fleet.has_shown_it
    assert fleet.orders == [{**order, "host": "b"}]


@pytest.mark.parametrize("host", ["a", "b"])
def test_a_host_that_shows_that_it_lives_is_not_said_to_be_gone(
    project: Project, airfleet: Airfleet, host: str
) -> None:
    fleet = FakeAgent([two()])
    with listening(fleet, project.paths.socket):
        result = airfleet("drain", host, "--gone")
    assert (result.code, result.err) == (
        1,
        f"error: host '{host}' is not gone: it renewed its lease a moment ago\n"
        f"hint: 'airfleet drain {host}' lets it finish; once 'airfleet status' does not see it, --gone can be said\n",
    )
    assert fleet.orders == []


def test_the_one_host_of_a_fleet_is_drained_by_the_name_local(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(alone()) as agent:
        result = airfleet("drain", "local")
    assert (result.code, result.out) == (0, "host 'local' takes no more tasks\n")
    assert agent.orders == [{"do": "order", "host": "local", "orders": {"drained": True}}]
