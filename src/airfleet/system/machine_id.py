"""What tells this machine, as it was started last, and this very folder from copies of them."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Another one after each start of the machine: process numbers and clocks of the one before mean nothing."""
    return _BOOT_ID.read_text().strip()


def place_of(folder: Path) -> str:
    """Another one for each folder: also for a copy, and for one that was made anew under the same name."""
    return f"{folder.resolve()}#{folder.stat().st_ino}"
