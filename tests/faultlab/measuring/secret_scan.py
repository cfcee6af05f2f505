"""Does a secret stand in clear where anybody may read it?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

#: a signed token: three parts of base64, the first of which says that it is one
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}")
#: shorter words are found everywhere
_LONG_ENOUGH = 16


def leaks(secrets: Iterable[str], files: Iterable[Path]) -> tuple[str, ...]:
    """List the files that hold one of the secrets, or a token, as sentences."""
    words = [word.encode() for word in secrets if len(word) >= _LONG_ENOUGH]
    found = []
    for file in sorted(files):
        try:
            data = file.read_bytes()
        except OSError:  # it was rotated away
            continue
        if any(word in data for word in words):
            found.append(f"{file.name} holds a secret of the fleet")
        elif _TOKEN.search(data):
            found.append(f"{file.name} holds a token")
    return tuple(found)
