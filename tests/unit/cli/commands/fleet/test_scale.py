"""``scale``: what is refused, and what the agent is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_agent import listening
from support.obeying_agent import Obeying, alone, two

SIZES = [
    ({}, ["light=2x8"], {"light": {"count": 2, "slots": 8}}),
    ({"light": {"count": 2}}, ["light=x16"], {"light": {"count": 2, "slots": 16}}),
    ({"light": {"count": 2, "slots": 16}}, ["light=3"], {"light": {"count": 3, "slots": 16}}),
    ({"light": {"count": 2}}, ["api-server=2"], {"light": {"count": 2}, "api-server": {"count": 2}}),
    ({"light": {"count": 2}, "api-server": {"count": 2}}, ["light=fleet"], {"api-server": {"count": 2}}),
    ({}, ["light=2", "light=x4"], {"light": {"count": 2, "slots": 4}}),
]


@pytest.mark.parametrize(("before", "sizes", "after"), SIZES)
def test_what_was_said_before_of_something_else_still_holds(
    agent_says: Callable, airfleet: Airfleet, before: dict[str, Any], sizes: list[str], after: dict[str, Any]
) -> None:
    with agent_says(alone(scale=before)) as agent:
        result = airfleet("scale", *sizes)
    assert (result.code, result.out) == (0, f"host 'local': {', '.join(sizes)}\n")
    assert agent.orders == [{"do": "order", "host": "", "orders": {"scale": after}}]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("before", "sizes", "after"), SIZES)
def test_so_it_does_on_another_host_whose_row_shows_it(
    project: Project, airfleet: Airfleet, before: dict[str, Any], sizes: list[str], after: dict[str, Any]
) -> None:
    fleet = Obeying(two(orders={"scale": before}), two(orders={"scale": after}))
    with listening(fleet, project.paths.socket):
        result = airfleet("scale", *sizes, "--host", "b")
    assert (result.code, result.out) == (0, f"host 'b': {', '.join(sizes)}\n")
    assert fleet.has_shown_it
    assert fleet.orders == [{"do": "order", "host": "b", "orders": {"scale": after}}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("scale", "light-2=3"), 1, "error: host 'local' has no worker 'light-2'\nhint: did you mean 'light'?\n"),
        (("scale", "heavy=3"), 1, "error: host 'local' has no worker 'heavy'\nhint: it has: light, api-server\n"),
        (("scale", "light"), 2, "'light' is not a size; write worker=2, worker=x16 or worker=2x16"),
        (("scale", "light=0"), 2, "'light=0' is not a size"),
        (("scale", "api-server=x4"), 2, "an api-server has no slots; write api-server=2"),
        (("scale", "light=2", "--host", "far"), 1, "has no host 'far' that was ever up"),
        (("drain", "local", "--gone"), 1, "this fleet has one host, and its agent answers: it is not gone"),
        (("drain", "other"), 1, "has no host 'other' that was ever up"),
        (("drain", "local", "--gone", "--undo"), 2, "--undo and --gone say different things"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_ordered(
    agent_says: Callable, airfleet: Airfleet, words: tuple[str, ...], code: int, said: str
) -> None:
    with agent_says(alone()) as agent:
        result = airfleet(*words)
    assert result.code == code
    assert said in result.err
    assert agent.orders == []
