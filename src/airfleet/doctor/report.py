"""The report of an examination: as a value for programs, and as rows for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from airfleet.doctor.checks import LEFT_OUT, Result, exit_code
from airfleet.doctor.finding import Seen, State

#: the states, the worst first, as a summary says them
_WORDS = {
    State.WRONG: "wrong",
    State.WARNING: "with a warning",
    State.UNKNOWN: "could not be made",
    State.FINE: "fine",
}


@dataclass(frozen=True)
class Subject:
    """The fleet and the host of an examination, and its time (ISO, UTC)."""

    fleet: str
    host: str
    at: str
    probes: bool


def as_data(subject: Subject, results: Sequence[Result]) -> dict[str, Any]:
    """Return everything that was seen, for programs."""
    return {
        "fleet": subject.fleet,
        "host": subject.host,
        "at": subject.at,
        "live": subject.probes,
        "exit_code": exit_code(results),
        "counts": {state.value: count for state, count in _counts(results).items()},
        "checks": [_as_data(one) for one in results],
        "left_out": LEFT_OUT if subject.probes else {},
    }


def _as_data(one: Result) -> dict[str, Any]:
    check = one.check
    return {
        "code": check.code,
        "group": check.group.value,
        "subject": check.subject,
        "state": one.state.value,
        "needs": check.needs,
        "why": check.why,
        "seen": [{"state": seen.state.value, "sentence": seen.sentence, "next": seen.next} for seen in one.seen],
    }


def _counts(results: Sequence[Result]) -> dict[State, int]:
    counted = Counter(one.state for one in results)
    return {state: counted[state] for state in State}


def findings(results: Sequence[Result], *, everything: bool = False) -> Iterator[tuple[Result, Seen]]:
    """Yield what is wrong or a warning, with its check; ``everything``: also what is fine or unknown."""
    for one in results:
        for seen in one.seen:
            if everything or seen.state in (State.WRONG, State.WARNING):
                yield one, seen


def not_made(results: Sequence[Result]) -> dict[tuple[str, str], list[str]]:
    """Group the codes of checks that could not be made by the reason, and what would help."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in results:
        for seen in one.seen:
            if seen.state is State.UNKNOWN:
                found.setdefault((seen.sentence, seen.next), []).append(one.check.code)
    return found


def summary(results: Sequence[Result]) -> str:
    """Sum up all checks in one line."""
    counts = _counts(results)
    told = ", ".join(f"{counts[state]} {words}" for state, words in _WORDS.items() if counts[state])
    return f"{len(results)} checks: {told}"
