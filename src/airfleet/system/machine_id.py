"""Ids that tell this machine since its last start, and this very folder, from copies of them."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Give an id that changes with each start of the machine: older process numbers and clocks mean nothing."""
    return _BOOT_ID.read_text().strip()


def place_of(folder: Path) -> str:
    """Give an id that differs for each folder: for a copy, too, and for one made anew under the same name."""
    return f"{folder.resolve()}#{folder.stat().st_ino}"
