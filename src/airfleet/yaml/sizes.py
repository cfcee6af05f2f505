"""Sizes of memory as people write them: ``512MB``, ``4GB``. A kB is 1024 bytes, here as in ``airfleet status``."""

from __future__ import annotations

import re
from typing import Final

#: More than any disk has.
_MOST_BYTES: Final = 2.0**62
_BYTES: Final = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int | None:
    """Return the bytes of a size, or None when ``text`` is none.

    >>> parse_size("512MB"), parse_size("1.5 GiB"), parse_size("4"), parse_size("lots"), parse_size("9" * 400 + "GB")
    (536870912, 1610612736, None, None, None)
    """
    found = _SIZE.fullmatch(text.strip())
    count = float(found[1]) * _BYTES[f"{found[2].lower()}b"] if found else _MOST_BYTES
    return int(count) if count < _MOST_BYTES else None


def size_text(count: int) -> str:
    """Write a number of bytes in the largest unit that leaves no rest.

    >>> size_text(536870912), size_text(1610612736), size_text(2**31)
    ('512MB', '1536MB', '2GB')
    """
    for unit in ("tb", "gb", "mb"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit.upper()}"
    return f"{round(count / _BYTES['kb'])}KB"
