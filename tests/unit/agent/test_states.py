"""States of components, and which may follow which."""

from __future__ import annotations

from airfleet.agent import states
from airfleet.agent.states import State


def test_every_state_has_a_word_for_people_and_its_successors() -> None:
    assert set(states.LABELS) == set(states.FOLLOWS) == set(State)
    assert not states.ALIVE & states.ENDED


def test_every_state_can_be_reached_and_every_running_one_can_be_stopped() -> None:
    reached, new = {State.WAITING}, {State.WAITING}
    while new := {after for state in new for after in states.FOLLOWS[state]} - reached:
        reached |= new
    assert reached == set(State)
    for state in State:
        assert state is State.STOPPED or {State.STOPPING, State.STOPPED} & states.FOLLOWS[state], state
