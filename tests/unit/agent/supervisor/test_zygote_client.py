"""The agent's conversation with a zygote, which may die or stand still in the middle of it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from airfleet.agent.supervisor import zygote_client
from airfleet.agent.supervisor.zygote_client import ZygoteLink
from airfleet.fleet.planning.plan import Fork
from airfleet.zygote.main import ForkOrders

LOG = Path("/log")
#: more than a socket holds
LARGE = Fork("scheduler", {"much": "x" * 4_000_000})


def told(descriptor: int) -> tuple[dict[str, Any], Any]:
    """An order, and the settings in its file."""
    with socket.socket(fileno=os.dup(descriptor)) as theirs:
        order, (settings,) = ForkOrders(theirs).next() or ({}, (-1,))
    with os.fdopen(settings) as file:
        return order, json.load(file)


def test_an_order_is_heard_by_the_zygote_and_is_open_until_it_says_that_it_has_forked() -> None:
    link = ZygoteLink()
    with link.their_end() as theirs:
        link.order("scheduler", Fork("scheduler", {"number": "2"}, (("core", "fernet_key", "s3cret"),)), LOG)
        assert told(theirs) == (
            {"name": "scheduler", "entry": "scheduler", "options": {"number": "2"}, "log": "/log", "listens": False},
            [["core", "fernet_key", "s3cret"]],
        )
        assert link.unanswered == {"scheduler"}
        os.write(theirs, b'{"said": "forked", "name": "scheduler", "pid": 7}\n{"said": "re')
        assert link.read() == ({"said": "forked", "name": "scheduler", "pid": 7},)
        assert link.unanswered == set()
        os.write(theirs, b'ady"}\n')
        assert link.read() == ({"said": "ready"},)
        assert link.read() == ()
    assert link.read() is None
    link.order("triggerer", Fork("triggerer"), LOG)  # nobody hears it, and nothing is raised
    assert link.unanswered == {"triggerer"}
    link.close()


def test_orders_that_wait_together_are_read_one_by_one_each_with_its_settings() -> None:
    link = ZygoteLink()
    with link.their_end() as theirs, socket.socket(fileno=os.dup(theirs)) as connection:
        for name in ("a", "b", "c"):
            link.order(name, Fork(name, {"long": name * 9_000}, ((name, name, name),)), LOG)
        orders = ForkOrders(connection)
        for name in ("a", "b", "c"):
            order, (settings,) = orders.next() or ({}, (-1,))
            assert order["name"] == name
            assert orders._descriptors == []  # nothing that a process forked now could read
            with os.fdopen(settings) as file:
                assert json.load(file) == [[name, name, name]]
        link.close()
        assert orders.next() is None


def test_a_zygote_that_stands_still_holds_up_the_agent_for_a_moment_only() -> None:
    link = ZygoteLink()
    with link.their_end():
        began = time.monotonic()
        link.order("scheduler", LARGE, LOG)
        assert time.monotonic() - began < 3 * zygote_client.ORDER_TIMEOUT_SECONDS
        assert link.unanswered == {"scheduler"}
        assert link.read() == ()  # and it is not waited for either
    with contextlib.closing(link):
        assert link.read() is None
