"""Amounts as people write them: ``512MB``, ``4GB``; ``90s``, ``14d``, ``1h30m``."""

from __future__ import annotations

import re

#: more than any disk has, and than anybody lives
_MOST_BYTES, _MOST_SECONDS = 2.0**62, 1e10
_BYTES = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}

#: a longer text is no amount
_LONGEST = 100

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms])", re.ASCII)


def size(text: str) -> int | None:
    """The bytes of a size, or None when it is not one. A kB is 1024 bytes, here as in ``airfleet status``.

    >>> size("512MB"), size("1.5 GiB"), size("4"), size("lots"), size("9" * 400 + "GB")
    (536870912, 1610612736, None, None, None)
    """
    found = _SIZE.fullmatch(text.strip())
    count = float(found[1]) * _BYTES[f"{found[2].lower()}b"] if found else _MOST_BYTES
    return int(count) if count < _MOST_BYTES else None


def seconds(text: str) -> float | None:
    """The seconds of a duration, or None when it is not one.

    >>> seconds("14d"), seconds("1h30m"), seconds("90"), seconds("soon")
    (1209600.0, 5400.0, None, None)
    """
    parts = _PART.findall(text) if len(text) <= _LONGEST else []
    if not parts or _PART.sub("", text).strip():
        return None
    count = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return count if count < _MOST_SECONDS else None


def size_text(count: int) -> str:
    """A number of bytes in the largest unit that leaves no rest.

    >>> size_text(536870912), size_text(1610612736), size_text(2**31)
    ('512MB', '1536MB', '2GB')
    """
    for unit in ("tb", "gb", "mb"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit.upper()}"
    return f"{round(count / _BYTES['kb'])}KB"


def seconds_text(count: float) -> str:
    """A number of seconds in the largest unit that leaves no rest.

    >>> seconds_text(1209600), seconds_text(5400), seconds_text(1.5)
    ('14d', '90m', '1.5s')
    """
    for unit in ("d", "h", "m"):
        if count and count % _SECONDS[unit] == 0:
            return f"{count / _SECONDS[unit]:.0f}{unit}"
    return f"{count:g}s"
