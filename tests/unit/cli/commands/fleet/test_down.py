"""``down``: it ends a fleet and everything of it."""

from __future__ import annotations

from collections.abc import Callable

from support.command_line import Airfleet
from support.fake_agent import READY, snapshot


def test_down_gives_running_tasks_as_long_as_it_was_told(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY, stopped=(snapshot(state="stopping"),)) as agent:
        result = airfleet("down", "--timeout", "5m")
    assert (result.code, result.err) == (0, "fleet 'shop' is stopped\n")
    assert agent.orders == [{"do": "stop", "seconds": 300}]
