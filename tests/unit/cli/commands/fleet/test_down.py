"""``down``: it ends a fleet and everything of it."""

from __future__ import annotations

import socket
from collections.abc import Callable

from airfleet.client.project import Project
from airfleet.system import unix_sockets
from support.command_line import Airfleet
from support.fake_agent import READY, snapshot


def test_down_gives_running_tasks_as_long_as_it_was_told(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY, stopped=(snapshot(state="stopping"),)) as agent:
        result = airfleet("down", "--timeout", "5m")
    assert (result.code, result.err) == (0, "fleet 'shop' is stopped\n")
    assert agent.orders == [{"do": "stop", "seconds": 300}]


def test_the_socket_of_an_agent_that_was_killed_is_removed(project: Project, airfleet: Airfleet) -> None:
    project.paths.runtime.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        unix_sockets.bind(dead, project.paths.socket)
    assert project.paths.socket.exists()
    result = airfleet("down")
    assert (result.code, result.err) == (0, "nothing is running\n")
    assert not project.paths.socket.exists()
