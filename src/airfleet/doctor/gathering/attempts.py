"""A look that fails makes an unknown fact, with the reason, and holds up no other look."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from airfleet.doctor.finding import Unknown
from airfleet.errors import AirfleetError, FileProblems, FleetError

T = TypeVar("T")
S = TypeVar("S")


def attempt(look: Callable[[], T]) -> T | Unknown:
    """Look; what the machine, a server or a file refuses is the reason why the fact is unknown."""
    from psycopg import Error

    try:
        return look()
    except FileProblems:
        return Unknown("fleet.yaml has problems (D101)", "airfleet check fleet.yaml")
    except FleetError as wrong:
        return Unknown(wrong.sentence, wrong.hint or "")
    except (AirfleetError, OSError, Error, ValueError) as wrong:
        return Unknown((str(wrong).strip().splitlines() or [type(wrong).__name__])[0])


def of(known: S | Unknown, look: Callable[[S], T]) -> T | Unknown:
    """Look with a fact that is known; else what keeps that from being known."""
    return known if isinstance(known, Unknown) else attempt(lambda: look(known))


def first_unknown(facts: Collection[object]) -> Unknown | None:
    """Return the first of some facts that is unknown; None when all are known."""
    return next((fact for fact in facts if isinstance(fact, Unknown)), None)
