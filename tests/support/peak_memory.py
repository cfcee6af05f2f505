"""The most memory that this process has had, as the kernel counts it.

``getrusage`` tells more: its peak goes on from the process that started this one, across ``exec``.
"""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
#: resets the peak to what the process has now (proc_pid_clear_refs(5))
_RESET = "5"


def peak_bytes() -> int:
    """Return the most resident memory since the start of the program, or since the peak was forgotten."""
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) << 10


def forget_peak() -> int:
    """Begin the peak anew, and return the bytes that the process has now."""
    Path("/proc/self/clear_refs").write_text(_RESET)
    return peak_bytes()
