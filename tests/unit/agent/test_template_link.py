"""The agent's conversation with a template, which may die or stand still in the middle of it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from airfleet.agent import template_link
from airfleet.agent.template_link import TemplateLink
from airfleet.fleet.plan import Fork

LOG = Path("/log")
#: more than a socket holds
LARGE = Fork("scheduler", settings=(("core", "much", "x" * 4_000_000),))


def told(descriptor: int) -> bytes:
    return os.read(descriptor, 65536)


def test_an_order_is_heard_by_the_template_and_is_open_until_it_says_that_it_has_forked() -> None:
    link = TemplateLink()
    with link.their_end() as theirs:
        link.order("scheduler", Fork("scheduler", {"number": "2"}), LOG)
        assert json.loads(told(theirs)) == {
            "name": "scheduler",
            "entry": "scheduler",
            "options": {"number": "2"},
            "settings": [],
            "log": "/log",
        }
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


def test_a_template_that_stands_still_holds_up_the_agent_for_a_moment_only() -> None:
    link = TemplateLink()
    with link.their_end():
        began = time.monotonic()
        link.order("scheduler", LARGE, LOG)
        assert time.monotonic() - began < 3 * template_link.ORDER_SECONDS
        assert link.unanswered == {"scheduler"}
        assert link.read() == ()  # and it is not waited for either
    with contextlib.closing(link):
        assert link.read() is None
