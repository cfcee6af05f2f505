"""Durations as people write them: ``90s``, ``5m``, ``1h30m``, ``1d``, ``PT5M``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

#: A longer text is no duration.
LONGEST: Final = 100
#: Airflow adds durations to the present, subtracts them from it, and sets timers by them: a century fits everywhere.
MOST_DURATION: Final = dt.timedelta(days=36_500)

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[wdhms])\s*", re.ASCII)
_ISO_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
#: In the order in which they are written, each once.
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}


def parse_duration(text: str) -> dt.timedelta | None:
    """The duration that ``text`` says, or None when it says none.

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
        amounts = dict(_amounts(text))
    try:
        return dt.timedelta(**{unit: float(amount) for unit, amount in amounts.items()}) if amounts else None
    except OverflowError:
        return None


def _amounts(text: str) -> Iterator[tuple[str, str]]:
    """Each unit with its amount; nothing when any part of the text is none, or they are not in order."""
    parts: list[re.Match[str]] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return
        parts.append(part)
        at = part.end()
    order = [list(_UNITS).index(part[2]) for part in parts]
    if order == sorted(set(order)):
        yield from ((_UNITS[part[2]], part[1]) for part in parts)


_CALENDAR = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?((?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII
)


def calendar_duration(text: str) -> tuple[int, int, dt.timedelta] | None:
    """Years, months, and the rest of an ISO 8601 duration that has years or months; None for every other text.

    >>> calendar_duration("P1M"), calendar_duration("P1Y2MT1H"), calendar_duration("PT1M")
    ((0, 1, datetime.timedelta(0)), (1, 2, datetime.timedelta(seconds=3600)), None)
    """
    match = _CALENDAR.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None or not (match[1] or match[2]):
        return None
    rest = parse_duration(f"P{match[3]}") if match[3] else dt.timedelta()
    return (int(match[1] or 0), int(match[2] or 0), rest) if rest is not None else None
