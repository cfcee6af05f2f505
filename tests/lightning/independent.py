"""The expected results, computed from the published text line by line; it shares nothing with the pipeline."""

from __future__ import annotations

import datetime as dt
import gzip
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """The rows of the four tables, sorted."""

    daily: list[tuple[dt.date, int, int]]
    monthly: list[tuple[dt.date, int]]
    tiles: list[tuple[Decimal, Decimal, int, int]]
    year: tuple[int, int]


def of_ncei(path: Path) -> Expected:
    """The results of a yearly file."""
    with gzip.open(path, "rt") as file:
        rows = [line.split(",") for line in file.read().splitlines() if not line.startswith("#")]
    return _added((day[:4] + "-" + day[4:6] + "-" + day[6:], east, north, count) for day, east, north, count in rows)


def of_bigquery(path: Path) -> Expected:
    """The results of the rows of a table."""
    rows = []
    for line in path.read_text().splitlines()[1:]:
        day, count, place = line.split(",")
        rows.append((day, *place[len("POINT(") : -1].split(" "), count))
    return _added((day, east, north, count) for day, east, north, count in rows)


def _added(rows) -> Expected:  # type: ignore[no-untyped-def]
    per_day, per_month, per_tile = Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    tiles_of_day, days_of_tile, number = Counter(), defaultdict(set), 0  # type: ignore[var-annotated]
    for day, east, north, count in rows:
        number += 1
        per_day[day] += int(count)
        per_month[day[:7]] += int(count)
        per_tile[east, north] += int(count)
        tiles_of_day[day] += 1
        days_of_tile[east, north].add(day)
    return Expected(
        sorted((dt.date.fromisoformat(day), strikes, tiles_of_day[day]) for day, strikes in per_day.items()),
        sorted((dt.date.fromisoformat(f"{month}-01"), strikes) for month, strikes in per_month.items()),
        sorted((Decimal(x), Decimal(y), strikes, len(days_of_tile[x, y])) for (x, y), strikes in per_tile.items()),
        (number, sum(per_day.values())),
    )
