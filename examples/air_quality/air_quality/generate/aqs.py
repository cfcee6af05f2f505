"""Daily summaries of made-up monitors at real places, as the EPA publishes them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from air_quality.formats.aqs import HEADER, UNQUOTED
from air_quality.generate.places import COUNTIES, County
from air_quality.generate.series import Persistent, day_count, days, season

_QUOTED = tuple(column not in UNQUOTED for column in HEADER)
#: a monitor is off on about one day in forty
_OFF = 0.025


@dataclass(frozen=True)
class Measure:
    """One of the values that a monitor reports for a day."""

    sample_duration: str
    standard: str
    #: the day's maximum as a multiple of the one-hour maximum
    share: float
    count: int
    has_aqi: bool
    method_code: str
    method_name: str


@dataclass(frozen=True)
class Pollutant:
    """A pollutant, how much of it there is, and how it is reported."""

    code: str
    name: str
    units: str
    decimals: int
    #: mean of the daily maximum over the year, and how far season and weather move it
    level: float
    swing: float
    spread: float
    #: day of the year with the most of it
    peak: int
    #: how much less there is on a Sunday
    sunday: float
    measures: tuple[Measure, ...]
    #: upper end of a range of values -> upper end of its range of the index
    index: tuple[tuple[float, int], ...]


POLLUTANTS = {
    "44201": Pollutant(
        "44201", "Ozone", "Parts per million", 6, 0.043, 0.012, 0.009, 172, 0.0,
        (Measure("8-HR RUN AVG BEGIN HOUR", "Ozone 8-hour 2015", 1.0, 17, True, "", " - "),),
        ((0.054, 50), (0.070, 100), (0.085, 150), (0.105, 200), (0.200, 300)),
    ),
    "42401": Pollutant(
        "42401", "Sulfur dioxide", "Parts per billion", 6, 3.2, 0.6, 2.1, 15, 0.1,
        (
            Measure("1 HOUR", "SO2 1-hour 2010", 1.0, 24, True, "060", "INSTRUMENTAL - PULSED FLUORESCENT"),
            Measure("3-HR BLK AVG", "SO2 3-hour 1971", 0.7, 8, False, "060", "INSTRUMENTAL - PULSED FLUORESCENT"),
        ),
        ((35, 50), (75, 100), (185, 150), (304, 200)),
    ),
    "42101": Pollutant(
        "42101", "Carbon monoxide", "Parts per million", 6, 0.52, 0.2, 0.2, 5, 0.12,
        (
            Measure("1 HOUR", "CO 1-hour 1971", 1.0, 24, False, "554", "INSTRUMENTAL - GAS FILTER CORRELATION"),
            Measure("8-HR RUN AVG END HOUR", "CO 8-hour 1971", 0.75, 24, True, "", " - "),
        ),
        ((4.4, 50), (9.4, 100), (12.4, 150), (15.4, 200)),
    ),
    "42602": Pollutant(
        "42602", "Nitrogen dioxide (NO2)", "Parts per billion", 6, 22.0, 7.0, 7.0, 10, 0.3,
        (Measure("1 HOUR", "NO2 1-hour 2010", 1.0, 24, True, "074", "INSTRUMENTAL - CHEMILUMINESCENCE"),),
        ((53, 50), (100, 100), (360, 150), (649, 200)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Monitor:
    """A monitor: the county it stands in, and what is its own."""

    county: County
    number: int

    @property
    def site_num(self) -> str:
        """Four digits, unique in the county."""
        return f"{self.number:04d}"


def header() -> str:
    """The first line of a file."""
    return ",".join(f'"{column}"' for column in HEADER)


def lines(pollutant: Pollutant, year: int, count: int, seed: int) -> Iterator[str]:
    """``count`` rows of one year, without line ends: monitor by monitor, day by day."""
    left = count
    per_monitor = day_count(year) * len(pollutant.measures) * (1 - _OFF)
    wanted = max(1, round(count / per_monitor))
    for monitor in _monitors(wanted):
        for line in _year(pollutant, monitor, year, seed):
            if not left:
                return
            left -= 1
            yield line


def _monitors(wanted: int) -> Iterator[Monitor]:
    """The wanted ones in the order of their codes, then as many more as are asked for."""
    chosen = [Monitor(COUNTIES[i % len(COUNTIES)], 1 + i // len(COUNTIES)) for i in range(wanted)]
    yield from sorted(chosen, key=lambda m: (m.county.state_code, m.county.county_code, m.number))
    i = wanted
    while True:
        yield Monitor(COUNTIES[i % len(COUNTIES)], 1 + i // len(COUNTIES))
        i += 1


def _year(pollutant: Pollutant, monitor: Monitor, year: int, seed: int) -> Iterator[str]:
    place = random.Random(f"{seed}/{monitor.county.state_code}/{monitor.county.county_code}/{monitor.number}")
    latitude, longitude = _somewhere_near(monitor, place)
    usual = place.lognormvariate(0, 0.12)
    rng = random.Random(f"{seed}/{pollutant.code}/{year}/{latitude}/{longitude}")
    weather = Persistent(rng)
    line = _line_of(pollutant, monitor, latitude, longitude, place)
    for day in days(year):
        most = _maximum(pollutant, day, usual, weather.next())
        if rng.random() >= _OFF:
            yield from (line(day, measure, most * measure.share, rng) for measure in pollutant.measures)


def _somewhere_near(monitor: Monitor, rng: random.Random) -> tuple[float, float]:
    """The first monitor of a county stands in its city, the others within about 30 km."""
    away = 0.0 if monitor.number == 1 else 0.3
    latitude = monitor.county.latitude + rng.uniform(-away, away)
    return round(latitude, 6), round(monitor.county.longitude + rng.uniform(-away, away), 6)


def _maximum(pollutant: Pollutant, day: dt.date, usual: float, weather: float) -> float:
    level = pollutant.level * usual + pollutant.swing * season(day, pollutant.peak) + pollutant.spread * weather
    if day.weekday() == 6:
        level *= 1 - pollutant.sunday
    return max(level, pollutant.level * 0.05)


Line = Callable[[dt.date, Measure, float, random.Random], str]


def _line_of(pollutant: Pollutant, monitor: Monitor, latitude: float, longitude: float, rng: random.Random) -> Line:
    """A function that writes one row; what does not change from day to day is written once."""
    county = monitor.county
    street = f"{rng.randrange(100, 9900)} {rng.choice(('MAIN', 'CENTRAL', 'PARK', 'WASHINGTON', 'LAKE'))} ST."
    before = _csv(
        [
            *(county.state_code, county.county_code, monitor.site_num, pollutant.code, "1"),
            *(f"{latitude:.6f}", f"{longitude:.6f}", "WGS84" if monitor.number % 2 else "NAD83", pollutant.name),
        ],
        0,
    )
    local = f"{county.city} #{monitor.number}" if monitor.number % 7 else ""
    after = _csv([local, street, county.state, county.county, county.city, county.cbsa], 22)

    def line(day: dt.date, measure: Measure, most: float, rng: random.Random) -> str:
        count = measure.count if rng.random() < 0.93 else rng.randrange(measure.count // 2, measure.count)
        hour = min(23, max(0, round(rng.gauss(11, 3))))
        index = str(_index(pollutant, most)) if measure.has_aqi else ""
        middle = _csv(
            [
                *(measure.sample_duration, measure.standard, day.isoformat(), pollutant.units, "None", str(count)),
                *(f"{100 * count / measure.count:.1f}", f"{most * rng.uniform(0.6, 0.85):.{pollutant.decimals}f}"),
                *(_short(most, pollutant), str(hour), index, measure.method_code, measure.method_name),
            ],
            9,
        )
        return f'{before},{middle},{after},"{dt.date(day.year + 1, 3, 1 + day.month)}"'

    return line


def _short(value: float, pollutant: Pollutant) -> str:
    return f"{value:.3f}" if pollutant.level < 1 else f"{value:.1f}"


def _index(pollutant: Pollutant, value: float) -> int:
    """The air quality index: straight lines between the break points."""
    low, low_index = 0.0, 0
    for high, high_index in pollutant.index:
        if value <= high:
            return round(low_index + (high_index - low_index) * (value - low) / (high - low))
        low, low_index = high, high_index
    return low_index


def _csv(values: list[str], first: int) -> str:
    """Values as CSV, quoted where the publisher quotes; ``first`` is the number of the first column."""
    written = []
    for position, value in enumerate(values, start=first):
        written.append('"' + value.replace('"', '""') + '"' if _QUOTED[position] else value)
    return ",".join(written)
