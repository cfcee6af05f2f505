"""Logs of components that have grown large are set aside, so that no component that runs for long fills a disk.

A component has its log open for as long as it lives, so the file itself stays: what stands in it is copied to
``NAME.log.1``, in the place of what was set aside before, and it is cut to nothing. All who write to it append, so
their next line is the first. Lines written between the end of the copy and the cut are lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from pathlib import Path

from airfleet.agent.supervisor.process import private
from airfleet.events import Event, Log

#: what a log may have
MOST_BYTES = 128 * 1024 * 1024
#: seconds between two looks
PAUSE_SECONDS = 60.0
_BYTES_OF_A_MB = 1_000_000


def set_aside_from_now_on(folder: Path, log: Log) -> None:
    """Look now and every minute, in a thread of its own, for as long as the agent lives."""
    threading.Thread(target=_look, args=(folder, log), name="large-logs", daemon=True).start()


def set_aside(folder: Path, most_bytes: int, log: Log) -> None:
    """Set every log in ``folder`` aside that has more than that."""
    for path in sorted(folder.glob("*.log")):
        with contextlib.suppress(OSError):  # gone meanwhile, or there is no room for it: it is looked at again
            size = path.lstat().st_size
            if size > most_bytes and not path.is_symlink():
                _begin_anew(path)
                log(Event.LOG_SET_ASIDE, component=path.stem, size=size // _BYTES_OF_A_MB, file=f"{path.name}.1")


def _begin_anew(path: Path) -> None:
    draft = path.with_name(f".{path.name}.1")
    try:
        with path.open("r+b") as file, open(draft, "wb", opener=private) as aside:
            shutil.copyfileobj(file, aside, 1024 * 1024)
            aside.flush()  # while the disk may still refuse it, the log is whole
            file.truncate(0)
        os.replace(draft, path.with_name(f"{path.name}.1"))
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _look(folder: Path, log: Log) -> None:
    while True:
        set_aside(folder, MOST_BYTES, log)
        time.sleep(PAUSE_SECONDS)
