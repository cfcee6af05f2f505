"""A look that fails makes an unknown fact, and no more than that."""

from __future__ import annotations

import pytest

from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering.attempts import attempt, of
from airfleet.errors import FileProblems, FleetError


def fails(error: Exception) -> object:
    def look() -> object:
        raise error

    return attempt(look)


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (FleetError("it is down", hint="airfleet up"), Unknown("it is down", "airfleet up")),
        (FileProblems([]), Unknown("fleet.yaml has problems (D101)", "airfleet check fleet.yaml")),
        (OSError("no way\nat all"), Unknown("no way")),
        (TimeoutError(), Unknown("TimeoutError")),
    ],
)
def test_an_error_is_the_reason(error: Exception, unknown: Unknown) -> None:
    assert fails(error) == unknown


def test_a_mistake_of_our_own_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        fails(KeyError("x"))


def test_a_look_with_an_unknown_fact_is_not_tried() -> None:
    why = Unknown("it is down")
    assert of(why, lambda _: pytest.fail("it was tried")) == why
    assert of(2, lambda number: number + 1) == 3
