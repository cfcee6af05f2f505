"""``results/small_box.json`` as a table: what each component of a small fleet takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measuring import origin, table

HEAD = ("", "asleep, MB", "kept awake, MB")
NOTES = """\
PSS: a page that several processes share is divided among them, so each of them has more when others sleep, and only
sums compare. *asleep*: triggerer, dag-processor and Flower have nothing to do. A component is all its processes: the
worker those of its slots, PostgreSQL one for each connection.
"""


def rows(found: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """A line for each component, and their sum."""
    sleeping, awake = found["sleeping"], found["awake"]
    lines = [(name, _megabytes(sleeping[name]), _megabytes(awake[name])) for name in sleeping]
    return [*lines, ("together", f"{sum(sleeping.values()):.0f}", f"{sum(awake.values()):.0f}")]


def markdown(results: Mapping[str, Any]) -> str:
    """The table and what must be known to read it."""
    slots = results["slots"]
    about = f"An idle fleet with {slots} slot{'' if slots == 1 else 's'}; {origin('small_box', results)}."
    return f"{about}\n\n{table(HEAD, rows(results))}\n\n{NOTES}"


def _megabytes(size: float) -> str:
    return f"{size:.0f}" if size else "–"
