"""Whether a process that a test may have ended still lives."""

from __future__ import annotations

import subprocess


def lives(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether no signal has ended it; one that is on its way gets the time to arrive."""
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return True
    return False
