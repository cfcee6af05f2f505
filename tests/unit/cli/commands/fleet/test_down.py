"""``down``: it ends a fleet and everything of it."""

from __future__ import annotations

from collections.abc import Callable

from support.command_line import Airfleet
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


def test_down_gives_running_tasks_as_long_as_it_was_told(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY, stopped=(snapshot(state="stopping"),)) as agent:
        result = airfleet("down", "--timeout", "5m")
    assert (result.code, result.err) == (0, "fleet 'shop' is stopped\n")
    assert agent.orders == [{"do": "stop", "seconds": 300}]
