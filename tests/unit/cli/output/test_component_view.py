"""A component in one row: its state, since when, and why it is not well."""

from __future__ import annotations

import pytest

from airfleet.agent.states import State
from airfleet.cli.output import component_view
from support.fake_agent import component, snapshot


@pytest.mark.parametrize(
    ("state", "mood", "ticking"),
    [
        (State.WAITING, "idle", False),
        (State.STOPPED, "idle", False),
        (State.STARTING, "busy", True),
        (State.STOPPING, "busy", True),
        (State.READY, "good", False),
        (State.DONE, "good", False),
        (State.DEGRADED, "bad", True),
        (State.BACKOFF, "bad", True),
        (State.GAVE_UP, "bad", True),
    ],
)
def test_the_look_of_a_state_and_whether_its_clock_moves(state: State, mood: str, ticking: bool) -> None:
    [item] = component_view.items(snapshot(component("worker", state)))
    assert (item.mood, item.ticking) == (mood, ticking)


def test_a_component_that_is_ready_shows_its_address_and_one_that_is_not_shows_why() -> None:
    ready = component("api-server", address="127.0.0.1:8080")
    failing = component("worker", State.BACKOFF, reason="ended with exit code 1", tried_again_in=2.0)
    notes = [item.note for item in component_view.items(snapshot(ready, failing))]
    assert notes == ["127.0.0.1:8080", "ended with exit code 1; tried again in 2.0s"]


def test_why_something_starts_slowly_is_not_said_before_it_is_late() -> None:
    [item] = component_view.items(snapshot(component("worker", State.STARTING, reason="is not ready yet")))
    assert "is not ready yet" not in item.sentence
    assert item.note == "is not ready yet"


def test_what_is_not_ready_is_listed() -> None:
    found = component_view.not_fine(snapshot(component("a"), component("b", State.WAITING), component("c", State.DONE)))
    assert [one.name for one in found] == ["b"]
