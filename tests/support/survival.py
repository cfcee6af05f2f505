"""Whether a process was spared: a check that sees a signal which was sent the moment before.

``poll()`` right after an action proves nothing, as a signal needs time to arrive. The kernel handles pending signals in
order: a process that was sent SIGKILL or (by default) SIGTERM dies before it stops for a SIGSTOP that was sent later.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

#: far longer than a process needs to stop or to die
SECONDS = 30.0


def survives(pid: int) -> bool:
    """Tell whether the process was sent nothing that ends it; it is stopped for a moment, unless it was already."""
    if _state(pid) == "T":
        return True
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    try:
        return _comes_to_rest(pid) == "T"
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def _comes_to_rest(pid: int) -> str:
    deadline = time.monotonic() + SECONDS
    while (state := _state(pid)) not in ("T", "Z", "X", ""):
        assert time.monotonic() < deadline, f"process {pid} neither stopped nor died"
        time.sleep(0.001)
    return state


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
