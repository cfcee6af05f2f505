"""A part of a test without root's rights, for which no file is closed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NOBODY: Final = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that every user may look into, whoever runs the test."""
    with tempfile.TemporaryDirectory(prefix="airfleet-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextmanager
def without_root() -> Iterator[None]:
    """Run the block as a user who may not read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
