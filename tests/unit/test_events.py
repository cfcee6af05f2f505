"""Errors that nobody expected are said, once each, and borne."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from airfleet import events
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


def test_a_line_of_the_agents_log_is_a_time_a_sentence_and_the_data() -> None:
    file = io.StringIO()
    log = events.to_file(file, lambda: dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
    log(events.Event.COMPONENT_DIED, component="worker", how="was killed by SIGKILL", restarts=2)
    assert file.getvalue() == (
        "2026-01-02T03:04:05.000+00:00 worker was killed by SIGKILL; deaths so far: 2 "
        '{"action": "component_died", "component": "worker", "how": "was killed by SIGKILL", "restarts": 2}\n'
    )
