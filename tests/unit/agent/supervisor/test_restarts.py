"""Delays before restarts, and when to give up."""

from __future__ import annotations

import pytest

from airfleet.agent.supervisor import restarts


def test_waits_grow_to_a_limit() -> None:
    waits = [restarts.wait_before_start(n) for n in range(1, 10)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert restarts.wait_before_start(10_000) == 30.0


@pytest.mark.parametrize(
    ("deaths", "was_ready", "gives_up"),
    [
        ([1.0, 2.0], False, False),
        ([1.0, 2.0, 3.0], False, True),
        ([1.0, 2.0, 3.0], True, False),
        ([float(n) for n in range(10)], True, True),
        ([float(n) for n in range(9)], True, False),
        ([n * 40.0 for n in range(-5, 5)], True, False),  # ten, but not within the window
    ],
)
def test_when_a_component_is_given_up(deaths: list[float], was_ready: bool, gives_up: bool) -> None:
    assert restarts.gives_up(deaths, was_ready, now=160.0) is gives_up
