"""What the dashboard asks the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import psycopg


class Tables:
    """Read access to the tables that :mod:`lightning.database` fills; each question has a connection of its own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def years(self) -> list[int]:
        """The years that are loaded; none before the first load."""
        if self._ask("SELECT to_regclass('lightning.years')") == [(None,)]:
            return []
        return [year for (year,) in self._ask("SELECT year FROM lightning.years ORDER BY year")]

    def totals(self, year: int) -> tuple[int, int]:
        """Strikes and tiles of a year; 0 and 0 when it is not loaded."""
        rows = self._ask("SELECT strikes, tiles FROM lightning.years WHERE year = %s", year)
        return rows[0] if rows else (0, 0)

    def days_of(self, year: int) -> list[tuple[dt.date, int]]:
        """Strikes of every day of a year."""
        first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        return self._ask("SELECT day, strikes FROM lightning.daily WHERE day BETWEEN %s AND %s ORDER BY 1", first, last)

    def months(self, month: int) -> list[tuple[int, int]]:
        """Year and strikes of one month of the year, in every year."""
        query = """SELECT extract(year FROM month)::int, strikes FROM lightning.monthly
            WHERE extract(month FROM month) = %s ORDER BY 1"""
        return self._ask(query, month)

    def same_day(self, month: int, day: int) -> list[tuple[int, int]]:
        """Year and strikes of one day of the year, in every year; a day without strikes has 0."""
        query = """SELECT years.year, coalesce(daily.strikes, 0) FROM lightning.years LEFT JOIN lightning.daily
            ON extract(year FROM daily.day) = years.year AND extract(month FROM daily.day) = %s
            AND extract(day FROM daily.day) = %s ORDER BY 1"""
        return self._ask(query, month, day)

    def tiles_of(self, year: int) -> list[tuple[float, float, int]]:
        """Longitude, latitude and strikes of every half degree of a year."""
        query = """SELECT floor(longitude * 2)::float8 / 2 + 0.25, floor(latitude * 2)::float8 / 2 + 0.25,
            sum(strikes)::int8 FROM lightning.tiles WHERE year = %s GROUP BY 1, 2"""
        return self._ask(query, year)

    def _ask(self, query: Any, *values: Any) -> list[Any]:
        with psycopg.connect(self.address, connect_timeout=10) as database:
            rows: Sequence[Any] = database.execute(query, values).fetchall()
        return list(rows)
