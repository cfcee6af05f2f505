"""Durations as people write them: ``90s``, ``5m``, ``1h30m``, ``1d``, ``PT5M``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

#: A longer text is no duration.
LONGEST: Final = 100

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
