"""Stamps of files and folders: they tell one content from the next without reading it."""

from __future__ import annotations

import os
from typing import TypeAlias

#: time of change in nanoseconds, size in bytes, inode
Stamp: TypeAlias = tuple[int, int, int]


def stamp(path: str) -> Stamp | None:
    """Return the stamp of a path; None where nothing is, and for a text that is no path, as one with a zero byte."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
