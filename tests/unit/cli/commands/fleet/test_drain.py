"""``drain``: what is refused, and what the agent is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, listening
from support.obeying_agent import Obeying, alone, two


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
