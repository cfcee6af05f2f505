"""The states of checks, from good to bad."""

from __future__ import annotations

from airfleet.doctor.finding import State, fine, seen_or, warning, worst, wrong


def test_a_check_is_as_bad_as_the_worst_that_it_saw() -> None:
    assert worst([State.FINE, State.UNKNOWN]) is State.UNKNOWN
    assert worst([State.WARNING, State.UNKNOWN]) is State.WARNING
    assert worst([State.WRONG, State.WARNING]) is State.WRONG
    assert worst([]) is State.FINE


def test_what_is_fine_is_said_only_where_nothing_else_was_seen() -> None:
    assert seen_or([], "all is well") == (fine("all is well"),)
    assert seen_or([wrong("a", "b"), warning("c", "d")], "all is well") == (wrong("a", "b"), warning("c", "d"))
