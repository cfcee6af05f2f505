"""Durations as people write them: ``90s``, ``5m``, ``1h30m``, ``1d``, ``PT5M``.

Pipelines take what Airflow takes, as a timedelta; ``fleet.yaml`` takes amounts with units alone, as seconds.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

#: Characters of the longest text that is tried.
LONGEST: Final = 100
#: Airflow adds durations to the present, subtracts them from it, and sets timers by them: a century fits everywhere.
MOST_DURATION: Final = dt.timedelta(days=36_500)
#: Of ``fleet.yaml``: about three centuries.
_MOST_SECONDS: Final = 1e10

#: From long to short, as they are written.
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_SECONDS: Final = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[wdhms])", re.ASCII)
_PARTS = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_ISO_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_CALENDAR = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?((?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII
)


def parse_duration(text: str) -> dt.timedelta | None:
    """Return the duration that ``text`` says, or None when it says none. A plain number counts seconds.

    >>> parse_duration("1h30m"), parse_duration("PT90S"), parse_duration("soon")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=90), None)
    """
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if _NUMBER.fullmatch(text):
        amounts = {"seconds": text}
    elif match := _ISO_DURATION.fullmatch(text):
        amounts = {unit: amount for unit, amount in zip(_UNITS.values(), match.groups(), strict=False) if amount}
    else:
        amounts = _in_order(_parts(text))
    try:
        return dt.timedelta(**{unit: float(amount) for unit, amount in amounts.items()}) if amounts else None
    except OverflowError:
        return None


def calendar_duration(text: str) -> tuple[int, int, dt.timedelta] | None:
    """Return years, months and the rest of an ISO 8601 duration that has years or months; None for every other text.

    >>> calendar_duration("P1M"), calendar_duration("P1Y2MT1H"), calendar_duration("PT1M")
    ((0, 1, datetime.timedelta(0)), (1, 2, datetime.timedelta(seconds=3600)), None)
    """
    match = _CALENDAR.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None or not (match[1] or match[2]):
        return None
    rest = parse_duration(f"P{match[3]}") if match[3] else dt.timedelta()
    return (int(match[1] or 0), int(match[2] or 0), rest) if rest is not None else None


def seconds(text: str) -> float | None:
    """Return the seconds of a duration of ``fleet.yaml``, or None when ``text`` is none.

    >>> seconds("14d"), seconds("1h30m"), seconds("90"), seconds("soon")
    (1209600.0, 5400.0, None, None)
    """
    parts = _parts(text)
    if not parts or any(unit not in _SECONDS for _, unit in parts):
        return None
    count = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return count if count < _MOST_SECONDS else None


def seconds_text(count: float) -> str:
    """Write a number of seconds in the largest unit that leaves no rest.

    >>> seconds_text(1209600), seconds_text(5400), seconds_text(1.5)
    ('14d', '90m', '1.5s')
    """
    for unit in ("d", "h", "m"):
        if count and count % _SECONDS[unit] == 0:
            return f"{count / _SECONDS[unit]:.0f}{unit}"
    return f"{count:g}s"


def _parts(text: str) -> list[tuple[str, str]]:
    """Return each amount with its unit; none when any part of the text is something else, a no-break space for one."""
    return _PART.findall(text) if len(text) <= LONGEST and _PARTS.fullmatch(text.strip()) else []


def _in_order(parts: list[tuple[str, str]]) -> dict[str, str]:
    """Return the amounts by unit; none when a unit comes twice or after a shorter one."""
    order = [list(_UNITS).index(unit) for _, unit in parts]
    return {_UNITS[unit]: amount for amount, unit in parts} if order == sorted(set(order)) else {}
