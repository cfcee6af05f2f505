"""``results/small_box.json`` as a table: what each component of a small fleet takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measuring import origin, table

HEAD = ("", "asleep, MB", "kept awake, MB", "Airflow alone, MB")
NOTES = """\
PSS: a page that several processes share is divided among them, so each of them has more when others sleep, and only
sums compare. *asleep*: triggerer, dag-processor and Flower have nothing to do. A component is all its processes: the
worker those of its slots, PostgreSQL one for each connection. *Airflow alone* is CeleryExecutor on the same PostgreSQL
and Valkey, with as many slots and the settings of the profile `small`; it has no Flower.

A task that waits one second in the triggerer ends {sleeping:.2f} s after its start when the triggerer sleeps, and
{awake:.2f} s when it does not (medians of seven runs).
"""


def rows(found: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """A line for each component, and their sum."""
    columns = [found[name] for name in ("sleeping", "awake", "stock")]
    lines = [(name, *(_megabytes(column.get(name, 0.0)) for column in columns)) for name in columns[0]]
    return [*lines, ("together", *(f"{sum(column.values()):.0f}" for column in columns))]


def notes(deferred: Mapping[str, float]) -> str:
    """What must be known to read the table, and the seconds of a task that defers."""
    return NOTES.format(**deferred)


def markdown(results: Mapping[str, Any]) -> str:
    """The table and what must be known to read it."""
    slots = results["slots"]
    about = f"An idle fleet with {slots} slot{'' if slots == 1 else 's'}; {origin('small_box', results)}."
    return f"{about}\n\n{table(HEAD, rows(results))}\n\n{notes(results['deferred'])}"


def _megabytes(size: float) -> str:
    return f"{size:.0f}" if size else "–"
