"""A folder watched by the kernel: names that appear in it, or are renamed into it (inotify).

Reference: inotify(7). A descriptor that a selector can wait for, so that nobody has to look again and again.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CREATED, _MOVED_HERE = 0x100, 0x80
_EVENT: Final = struct.Struct("iIII")
_MOST_BYTES: Final = 65_536


class FolderWatch:
    """A watch on one folder. Raises OSError where it is not there, or the kernel has no watch left."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _error(folder)
        if libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _CREATED | _MOVED_HERE) < 0:
            error = _error(folder)
            self.close()
            raise error

    def fileno(self) -> int:
        """Return the descriptor, readable when something has happened."""
        return int(self._descriptor)

    def names(self) -> frozenset[str]:
        """Return the names that came since the last call; never waits."""
        try:
            return frozenset(_names(os.read(self._descriptor, _MOST_BYTES)))
        except BlockingIOError:
            return frozenset()

    def close(self) -> None:
        """Watch no more."""
        os.close(self._descriptor)


def _names(events: bytes) -> Iterator[str]:
    at = 0
    while at < len(events):
        *_, length = _EVENT.unpack_from(events, at)
        at += _EVENT.size + length
        yield os.fsdecode(events[at - length : at].rstrip(b"\0"))


def _error(folder: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(folder))
