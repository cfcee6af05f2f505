"""Errors that nobody expected are said, once each, and borne."""

from __future__ import annotations

from typing import Any

from airfleet.events import MANY, Surprises


def test_each_is_said_once_with_its_place_and_not_too_many() -> None:
    said: list[dict[str, Any]] = []
    surprises = Surprises("the loop", lambda event, **payload: said.append(payload))
    for _ in range(3):
        with surprises.borne():
            raise RuntimeError("never thought of")
    (first,) = said
    assert first["part"] == "the loop"
    assert first["why"].startswith("RuntimeError: never thought of (test_events.py:")
    for number in range(2 * MANY):
        with surprises.borne():
            raise RuntimeError(str(number))
    assert len(said) == MANY
