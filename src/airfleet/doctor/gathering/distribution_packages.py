"""Fixes that a distribution has taken back into its package: the version stays, and the changelog names them."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Final

#: where a distribution keeps the changelogs of its packages
DOCUMENTS: Final = Path("/usr/share/doc")
#: ``redis (5:7.0.15-1~deb12u10) …``: the version of the program is between epoch and revision
_HEAD = re.compile(r"\S+ \((?:\d+:)?(?P<version>[^-+~)]+)")
_FIX = re.compile(r"CVE-\d{4}-\d{4,}")
#: characters of a changelog that are read; the largest of these packages have some hundred thousand
_MOST_CHARACTERS = 4 * 2**20


def fixes(product: str, version: str, documents: Path = DOCUMENTS) -> frozenset[str]:
    """Return the vulnerabilities that the package of ``product`` says it fixes, if it is of this ``version``.

    Debian and Ubuntu keep such a changelog; elsewhere, and where documents are left out, there is nothing to read.
    """
    for package in (f"{product}-server", product):
        text = _read(documents / package / "changelog.Debian.gz")
        head = _HEAD.match(text)
        if head and head["version"] == version:
            return frozenset(_FIX.findall(text))
    return frozenset()


def _read(file: Path) -> str:
    """Return the text of a compressed changelog; empty where there is none that can be read."""
    try:
        with gzip.open(file, "rt", encoding="utf-8", errors="replace") as changelog:
            return changelog.read(_MOST_CHARACTERS)
    except (OSError, EOFError, zlib.error):
        return ""
