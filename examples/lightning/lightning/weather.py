"""Made-up lightning with the geography and the season of the real one.

Florida and the Gulf coast lead, the plains follow in early summer, Arizona in July and August; the
Pacific coast has next to none. Every day has a few storms of its own. A tile is a tenth of a degree wide.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

#: centres of the tiles, in tenths of a degree
LONGITUDES: Integers = np.arange(-1249, -660)
LATITUDES: Integers = np.arange(245, 500)
TILES = len(LONGITUDES) * len(LATITUDES)
#: all tiles of a year
MOST_ROWS = 365 * TILES

#: longitude and latitude of a place with much lightning, how far it reaches in degrees east and north, how much
#: it has, the day of the year of its peak, and for how many days around
PLACES = (
    (-81.7, 27.8, 2.2, 2.4, 5.0, 200, 50),  # Florida
    (-89.5, 30.2, 6.5, 2.2, 2.6, 195, 60),  # the Gulf coast
    (-96.0, 37.5, 6.5, 5.5, 1.6, 165, 45),  # the plains
    (-88.0, 40.0, 6.0, 3.5, 1.0, 180, 40),  # the Midwest
    (-77.5, 33.5, 4.0, 3.5, 1.2, 205, 55),  # the Carolinas and the Gulf Stream
    (-110.5, 33.5, 3.5, 3.0, 1.4, 212, 25),  # the monsoon of Arizona
    (-105.0, 39.5, 3.0, 4.0, 0.9, 200, 35),  # the front of the Rocky Mountains
)
STORMS_A_DAY = 6


@dataclass(frozen=True)
class Day:
    """The tiles of one day: centres in tenths of a degree, sorted from south-west to north-east, and strikes."""

    date: dt.date
    longitudes: Integers
    latitudes: Integers
    strikes: Integers


def days(year: int, rows: int, seed: int) -> Iterator[Day]:
    """The days of ``year`` with ``rows`` tiles in all; the same arguments give the same tiles.

    Raises:
        ValueError: a year has fewer tiles than ``rows``.
    """
    chance = np.random.default_rng((seed, year))
    count = 366 if calendar.isleap(year) else 365
    shares = _shares(rows, _season(np.arange(1, count + 1)) * chance.lognormal(0.0, 0.45, count))
    for number, share in enumerate(shares, start=1):
        date = dt.date(year, 1, 1) + dt.timedelta(days=number - 1)
        yield _day(date, int(share), _weights(number, chance), chance)


def _day(date: dt.date, rows: int, weights: Floats, chance: np.random.Generator) -> Day:
    # The tiles with the earliest of as many clocks as there are tiles: drawn by weight, none of them twice.
    first = chance.standard_exponential(TILES, dtype=np.float32)
    first /= weights
    chosen = np.sort(np.argpartition(first, rows)[:rows]) if 0 < rows < TILES else np.arange(min(rows, TILES))
    latitude, longitude = np.divmod(chosen, len(LONGITUDES))
    strikes = np.floor(chance.lognormal(1.0, 1.15, rows)).astype(np.int64) + 1
    return Day(date, LONGITUDES[longitude], LATITUDES[latitude], strikes)


def _weights(day: int, chance: np.random.Generator) -> Floats:
    """How likely each tile has lightning on this day: its place, and the storms of the day."""
    climate, begins = _climate(day // 8)
    middles = np.searchsorted(begins, chance.random(STORMS_A_DAY) * begins[-1])
    rows, columns = np.divmod(middles, len(LONGITUDES))
    sizes = chance.uniform(0.4, 1.6, STORMS_A_DAY)
    north = _bells(LATITUDES, LATITUDES[rows] / 10, sizes)
    east = _bells(LONGITUDES, LONGITUDES[columns] / 10, 1.5 * sizes)
    total = climate * (_products(4.0 * north, east.T) + 0.15)
    return np.asarray(total.ravel() + 1e-9, dtype=np.float32)


@functools.lru_cache(maxsize=2)
def _climate(eighth: int) -> tuple[Floats, Floats]:
    """How likely each tile has lightning in these eight days of a year, and the sums of that from the first tile on."""
    now = _MUCH * (0.05 + np.exp(-(((eighth * 8 + 4 - _PEAK) / _AROUND) ** 2)))
    total = _products(_NORTH * now, _EAST) + 0.004
    return total, np.cumsum(total.ravel())


def _bells(tenths: Integers, middles: Floats, widths: Floats) -> Floats:
    """A bell curve around every middle, as columns."""
    return np.asarray(np.exp(-(((tenths[:, np.newaxis] / 10 - middles) / widths) ** 2)))


def _products(left: Floats, right: Floats) -> Floats:
    """The matrix product, without the threads that a BLAS would start for it, and the same on every machine."""
    return np.asarray(np.einsum("ik,kj->ij", left, right, optimize=False))


_PLACES = np.array(PLACES).T
_MUCH, _PEAK, _AROUND = _PLACES[4:]
_EAST, _NORTH = _bells(LONGITUDES, _PLACES[0], _PLACES[2]).T, _bells(LATITUDES, _PLACES[1], _PLACES[3])


def _season(days_of_year: Integers) -> Floats:
    return np.asarray(0.04 + np.exp(-(((days_of_year - 195) / 52) ** 2)))


def _shares(rows: int, weights: Floats) -> Integers:
    """``rows`` split by ``weights``; no day gets more than it has tiles."""
    if rows > len(weights) * TILES:
        raise ValueError(f"a year has {len(weights) * TILES:,} tiles, not {rows:,}")
    shares = np.zeros(len(weights), dtype=np.int64)
    while (left := rows - int(shares.sum())) > 0:
        open_ = np.where(shares < TILES, weights, 0.0)
        more = np.floor(left * open_ / open_.sum()).astype(np.int64)
        if not more.any():  # fewer are left than there are days
            more[np.argsort(-open_, kind="stable")[: min(left, np.count_nonzero(open_))]] = 1
        shares = np.minimum(shares + more, TILES)
    return shares
