"""Durations as people write them: ``90s``, ``5m``, ``1h30m``, ``1d``, ``PT5M``."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_DURATION = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?)\s*w)?\s*(?:(\d+(?:\.\d+)?)\s*d)?\s*(?:(\d+(?:\.\d+)?)\s*h)?"
    r"\s*(?:(\d+(?:\.\d+)?)\s*m(?!s))?\s*(?:(\d+(?:\.\d+)?)\s*s)?\s*(?:(\d+(?:\.\d+)?)\s*ms)?\s*",
    re.ASCII,
)
_ISO_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")


def parse_duration(text: str) -> dt.timedelta | None:
    """The duration that ``text`` says, or None when it says none.

    >>> parse_duration("1h30m"), parse_duration("PT90S"), parse_duration("soon")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=90), None)
    """
    if re.fullmatch(r"\d+(\.\d+)?", text.strip(), re.ASCII):
        amounts: tuple[str | None, ...] = (None, None, None, None, text)
    else:
        match = _DURATION.fullmatch(text) or _ISO_DURATION.fullmatch(text)
        amounts = match.groups() if match else ()
    parts = {unit: float(amount) for unit, amount in zip(_UNITS, amounts, strict=False) if amount}
    try:
        return dt.timedelta(**parts) if parts else None
    except OverflowError:
        return None
