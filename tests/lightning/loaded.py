"""What the database holds of a year, in the shape of :class:`independent.Expected`."""

from __future__ import annotations

from typing import Any

from independent import Expected


def loaded(runner: Any, year: int) -> Expected:
    """The year's rows, sorted."""
    return Expected(
        runner.ask(
            "SELECT day, strikes, tiles FROM lightning.daily WHERE extract(year FROM day) = %s ORDER BY 1", year
        ),
        runner.ask("SELECT month, strikes FROM lightning.monthly WHERE extract(year FROM month) = %s ORDER BY 1", year),
        runner.ask(
            "SELECT longitude, latitude, strikes, days FROM lightning.tiles WHERE year = %s ORDER BY 1, 2", year
        ),
        next(iter(runner.ask("SELECT tiles, strikes FROM lightning.years WHERE year = %s", year)), None),
    )


NOTHING = Expected([], [], [], None)  # type: ignore[arg-type]
