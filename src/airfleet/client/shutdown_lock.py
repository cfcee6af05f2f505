"""The lock of ``airfleet down``: it tells other commands that the fleet is being ended, or was."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from airfleet.fleet.planning import paths


def began(places: paths.Paths) -> int:
    """Give a number that differs for each shutdown of the fleet, 0 before the first: the time of its start, ns."""
    try:
        return _lock(places).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def is_at_work(places: paths.Paths) -> bool:
    """Tell whether a shutdown of the fleet is under way."""
    try:
        with _lock(places).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


@contextmanager
def at_work(places: paths.Paths) -> Iterator[None]:
    """Hold the lock while the fleet is ended."""
    if not places.runtime.is_dir():  # it never ran here
        yield
        return
    try:
        lock = _lock(places).open("a")
    except OSError:  # a disk that is full or read-only is no reason to let a fleet run
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # two may do the same
        with suppress(OSError):
            os.utime(lock.fileno())  # who looks too late sees that it was held
        yield


def _lock(places: paths.Paths) -> Path:
    return places.runtime / "down.lock"
