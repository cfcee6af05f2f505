from __future__ import annotations

import pytest

from airfleet.drill.records import History, Injection
from airfleet.drill.runner import ExperimentOutcome, Recovery
from faultlab.matrix import BY_NUMBER, UNPROMISED_SECONDS, late


def outcome(**seconds: float | None) -> ExperimentOutcome:
    return ExperimentOutcome((Recovery(Injection("a fault", 0.0, 1.0), dict(seconds)),), (), History((), ()))


@pytest.mark.parametrize(
    ("number", "seconds", "said"),
    [
        ("F1", {"dispatch": 5.9}, ()),
        ("F1", {"dispatch": 6.1}, ("F1 dispatch: 6.1",)),
        ("F1", {"dispatch": None}, ("F1 dispatch: None",)),
        ("F17", {"first": 1.0, "start": 3 * UNPROMISED_SECONDS - 1}, ()),
        ("F17", {"first": 1.0, "start": 3 * UNPROMISED_SECONDS + 1}, ("F17 start: 31.0",)),
    ],
)
def test_a_recovery_may_take_some_times_what_is_promised_and_never_for_ever(
    number: str, seconds: dict[str, float | None], said: tuple[str, ...]
) -> None:
    assert BY_NUMBER["F1"].promised["dispatch"].most == 2.0
    assert late([number], outcome(**seconds), 3.0) == said
