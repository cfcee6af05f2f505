"""Daily summaries of made-up weather at real stations, as NOAA publishes them."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from air_quality.formats.gsod import HEADER
from air_quality.generate.places import STATIONS, Station
from air_quality.generate.series import Persistent, day_count, days, season

#: a station is silent on about one day in fifty
_SILENT = 0.02
#: a star says that an extreme was taken from hourly values
_FROM_HOURLY = (" ", " ", "*")


def header() -> str:
    """The first line of a station's file."""
    return ",".join(f'"{column}"' for column in HEADER)


def stations(year: int, count: int, seed: int) -> Iterator[tuple[Station, list[str]]]:
    """``count`` rows of one year, station by station; each with its lines, without line ends."""
    left, number = count, 0
    while left > 0:
        station = _station(number, seed)
        lines = list(_year(station, year, seed))[:left]
        left -= len(lines)
        number += 1
        yield station, lines


def rows_per_station(year: int) -> float:
    """About how many rows a station gives in a year."""
    return day_count(year) * (1 - _SILENT)


def _station(number: int, seed: int) -> Station:
    """A listed station, or one that stands near a listed one."""
    listed = STATIONS[number % len(STATIONS)]
    around = number // len(STATIONS)
    if not around:
        return listed
    rng = random.Random(f"{seed}/station/{number}")
    latitude = max(-89.9, min(89.9, listed.latitude + rng.uniform(-2, 2)))
    longitude = (listed.longitude + rng.uniform(-2, 2) + 180) % 360 - 180
    elevation = max(0.0, listed.elevation + rng.uniform(-50, 200))
    area, _, country = listed.name.rpartition(", ")
    name = f"{area} {around}, {country}"
    return Station(f"A{number:010d}", name, round(latitude, 6), round(longitude, 6), round(elevation, 1))


@dataclass(frozen=True)
class Climate:
    """What is usual at a station; temperatures in degrees Fahrenheit."""

    mean: float
    swing: float
    #: day of the year with the highest temperature
    peak: int
    wet: float

    @classmethod
    def at(cls, station: Station) -> Climate:
        """From latitude and elevation."""
        north = abs(station.latitude)
        mean = 82 - 0.0115 * north**2 - station.elevation * 0.0117
        wet = 0.2 + 0.25 * math.exp(-((north / 12) ** 2)) + 0.12 * math.exp(-(((north - 52) / 12) ** 2))
        return cls(mean, 1.5 + 0.36 * north, 203 if station.latitude >= 0 else 21, wet)


def _year(station: Station, year: int, seed: int) -> Iterator[str]:
    climate = Climate.at(station)
    rng = random.Random(f"{seed}/gsod/{station.id}/{year}")
    warmth, pressure = Persistent(rng, 0.75), Persistent(rng, 0.6)
    fixed = f'"{station.latitude:.7g}","{station.longitude:.7g}","{station.elevation:.1f}","{station.name}"'
    for day in days(year):
        warm, high = warmth.next(), pressure.next()
        if rng.random() >= _SILENT:
            yield f'"{station.id}","{day.isoformat()}",{fixed},{_day(station, climate, day, warm, high, rng)}'


def _day(station: Station, climate: Climate, day: dt.date, warm: float, high: float, rng: random.Random) -> str:
    temp = climate.mean + climate.swing * season(day, climate.peak) + (2.5 + climate.swing * 0.25) * warm
    range_ = rng.uniform(7, 22)
    wet = rng.random() < climate.wet - 0.12 * high
    dew = temp - (rng.uniform(1, 7) if wet else rng.uniform(6, 22))
    sea_level = 1013.6 + 7.5 * high
    wind = rng.gammavariate(3.2, 2.4)
    snow = wet and temp < 34
    count = 24 if rng.random() < 0.9 else rng.randrange(4, 24)
    depth = f"{rng.uniform(1.2, 14):5.1f}" if snow and rng.random() < 0.5 else "999.9"
    gust = f"{wind * rng.uniform(1.9, 2.6) + 8:5.1f}" if rng.random() < 0.42 else "999.9"
    flags = _flags(temp, dew, wet, snow, rng)
    number = f" {count:2d}"
    values = [
        *(f"{temp:6.1f}", number, *_or_missing(f"{dew:6.1f}", "9999.9", number, 0.04, rng)),
        *_or_missing(f"{sea_level:6.1f}", "9999.9", number, 0.12, rng),
        *_or_missing(_station_pressure(sea_level, station, temp), "999.9", number, 0.3, rng),
        *_or_missing(_visibility(flags, rng), "999.9", number, 0.2, rng),
        *_or_missing(f"{wind:5.1f}", "999.9", number, 0.02, rng),
        *(f"{wind * 1.6 + 2:5.1f}", gust),
        *(f"{temp + range_ / 2:6.1f}", rng.choice(_FROM_HOURLY)),
        *(f"{temp - range_ / 2:6.1f}", rng.choice(_FROM_HOURLY)),
        *_precipitation(wet, rng),
        *(depth, flags),
    ]  # fmt: skip
    return ",".join(f'"{value}"' for value in values)


def _or_missing(value: str, nines: str, count: str, share: float, rng: random.Random) -> tuple[str, str]:
    """A value and how many observations it comes from, or nines and none."""
    return (nines.rjust(len(value)), "  0") if rng.random() < share else (value, count)


def _station_pressure(sea_level: float, station: Station, temp: float) -> str:
    """Millibars in five characters: 1003.2 is published as 003.2."""
    kelvin = (temp - 32) / 1.8 + 273.15
    pressure = sea_level * math.exp(-station.elevation / (29.27 * kelvin))
    written = f"{pressure:05.1f}"[-5:]
    return "999.8" if written == "999.9" else written


def _visibility(flags: str, rng: random.Random) -> str:
    """Miles; less in fog."""
    return f"{min(10.0, rng.gammavariate(9, 1)) * (0.5 if flags[0] == '1' else 1):5.1f}"


def _precipitation(wet: bool, rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.05:
        return "99.99", "I"
    return (f"{min(rng.expovariate(2.6), 12):5.2f}", "G") if wet else (" 0.00", "G")


def _flags(temp: float, dew: float, wet: bool, snow: bool, rng: random.Random) -> str:
    """Fog, rain or drizzle, snow or ice pellets, hail, thunder, tornado or funnel cloud."""
    thunder = wet and temp > 60 and rng.random() < 0.25
    happened = (
        temp - dew < 4 and rng.random() < 0.6,
        wet and not snow,
        snow,
        thunder and rng.random() < 0.05,
        thunder,
        thunder and rng.random() < 0.01,
    )
    return "".join("1" if flag else "0" for flag in happened)
