"""Numbers that behave like weather: seasons, and days that resemble the day before."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator


def days(year: int) -> Iterator[dt.date]:
    """Every day of a year."""
    day = dt.date(year, 1, 1)
    while day.year == year:
        yield day
        day += dt.timedelta(days=1)


def day_count(year: int) -> int:
    """How many days a year has."""
    return (dt.date(year + 1, 1, 1) - dt.date(year, 1, 1)).days


def season(day: dt.date, peak: int) -> float:
    """1 on the day of the year ``peak``, -1 half a year away."""
    return math.cos(2 * math.pi * (day.timetuple().tm_yday - peak) / 365.25)


class Persistent:
    """Noise with a memory: about normal, mean 0, standard deviation 1, day-to-day correlation ``memory``."""

    def __init__(self, rng: random.Random, memory: float = 0.7) -> None:
        self._rng, self._memory = rng, memory
        self._fresh = math.sqrt(1 - memory * memory)
        self._value = rng.gauss(0, 1)

    def next(self) -> float:
        """The next day's."""
        self._value = self._memory * self._value + self._fresh * self._rng.gauss(0, 1)
        return self._value
