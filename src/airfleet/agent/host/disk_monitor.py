"""The disk monitor: warns while a disk that a host writes to is full, or nearly.

Asked from a thread of its own, because a network drive that hangs answers no such question. Each disk counts once,
however many of the folders lie on it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from airfleet.events import Event, Log

#: less than this is told, bytes
LOW_BYTES = 100 * 2**20
#: between two looks, seconds
PAUSE_SECONDS = 5.0


class DiskMonitor:
    """Looks at the disks of ``folders``; ``wake`` is called, from the thread, when something has changed.

    A folder that is not there is not looked at. ``free`` gives the bytes that are left on a folder's disk.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        log: Log,
        wake: Callable[[], None],
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folders = folders
        self._log = log
        self._wake = wake
        self._free = free
        self._closing = threading.Event()
        #: what a person has to know, as a sentence; empty while there is room
        self.trouble = ""

    def start(self) -> None:
        """Look from now on."""
        threading.Thread(target=self._look_on, name="disks", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def look(self) -> None:
        """Look once."""
        before, self.trouble = self.trouble, "; ".join(self._full())
        if bool(before) == bool(self.trouble):
            return
        if self.trouble:
            self._log(Event.DISK_FULL, trouble=self.trouble)
        else:
            self._log(Event.DISK_HAS_ROOM)
        self._wake()

    def _look_on(self) -> None:
        while not self._closing.is_set():
            self.look()
            self._closing.wait(PAUSE_SECONDS)

    def _full(self) -> Iterator[str]:
        seen: set[int] = set()
        for folder in self._folders:
            try:
                disk, free = os.stat(folder).st_dev, self._free(folder)
            except OSError:
                continue
            if free < LOW_BYTES and disk not in seen:
                yield f"the disk of {folder} has {free // 2**20} MB left: logs get lost, and what writes there may fail"
            seen.add(disk)
