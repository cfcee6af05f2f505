"""Log files that are older than the fleet keeps them: deleted when the agent starts, and every hour after.

A file is as old as its last line. Logs of components that run are always young (:mod:`airfleet.agent.host.log_rotation`
sees to these); those of tasks, of Dag files and of
components that a fleet no longer has grow old. Folders that become empty go with them.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from airfleet.events import Event, Log
from airfleet.fleet.planning.plan import Plan

#: seconds between two looks
PAUSE_SECONDS = 3600.0


def delete_from_now_on(plan: Plan, folders: Iterable[Path], log: Log) -> None:
    """Look now and every hour, in a thread of its own, for as long as the agent lives."""
    kept_seconds = plan.log_retention_seconds
    if kept_seconds is not None:
        thread = threading.Thread(target=_look, args=(kept_seconds, tuple(folders), log), name="old-logs", daemon=True)
        thread.start()


def delete(folder: Path, older_than: float) -> int:
    """Delete every file below ``folder`` that was last written before that time (seconds, of Unix); how many."""
    count = 0
    for path, _, names in os.walk(folder, topdown=False):
        # Where something has happened of late, somebody may be about to begin a log.
        is_old = _is_old(path, older_than)
        count += sum(_delete(os.path.join(path, name), older_than) for name in names)
        if is_old and path != str(folder):
            with contextlib.suppress(OSError):  # not empty
                os.rmdir(path)
    return count


def _is_old(path: str, older_than: float) -> bool:
    try:
        return os.lstat(path).st_mtime < older_than
    except FileNotFoundError:
        return False


def _delete(path: str, older_than: float) -> bool:
    if not _is_old(path, older_than):
        return False
    try:
        os.unlink(path)
    except OSError:  # gone already, or not ours
        return False
    return True


def _look(kept_seconds: float, folders: tuple[Path, ...], log: Log) -> None:
    while True:
        older_than = time.time() - kept_seconds
        if count := sum(delete(folder, older_than) for folder in folders):
            log(Event.LOGS_DELETED, count=count)
        time.sleep(PAUSE_SECONDS)
