"""A disk that can be filled up without harm to the machine: some memory, mounted at a folder. Needs root's rights.

::

    with small_disk(Path("/tmp/data"), 400):
        fill(Path("/tmp/data"))       # nothing can be written there any more
        make_room(Path("/tmp/data"))
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BALLAST = "ballast"


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[None]:
    """Mount a disk of that size at a folder that is made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=700", "disk", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Take all that is left of it. Raises AssertionError when it is no disk of its own."""
    assert disk.is_mount(), f"{disk} is no disk of its own"
    with suppress(OSError), (disk / _BALLAST).open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def make_room(disk: Path) -> None:
    """Give it back."""
    (disk / _BALLAST).unlink()
