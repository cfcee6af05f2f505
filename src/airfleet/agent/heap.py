"""Keep the pages of a process that is about to be forked shared for as long as possible.

A child copies a page when it writes to it. Two writers can be avoided: the garbage collector
(``gc.freeze``) and new objects that land in holes between old ones. Importing leaves tens of
thousands of holes, spread over all pages; :func:`fill_holes` plugs them, so that a child's new
objects go to pages of their own. Measured with Airflow 3.3.2: about 10 MB less per component.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile

#: bytes that an empty ``bytes`` object takes, with its end mark
_EMPTY_BYTES = sys.getsizeof(b"")

_SIZE_CLASS = re.compile(r"\s*\d+\s+(\d+)\s+\d+\s+\d+\s+(\d+)\s*$")

#: what plugs the holes; never freed, so the holes stay plugged
_plugs: list[bytes] = []


def trim() -> None:
    """Give free pages back to the system, where the C library can (glibc)."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def fill_holes() -> int:
    """Plug the holes in the small-object heap; returns how many objects that took."""
    before = len(_plugs)
    for size, holes in _holes().items():
        if size > _EMPTY_BYTES:
            _plugs.extend(bytes(size - _EMPTY_BYTES) for _ in range(holes))
    return len(_plugs) - before


def _holes() -> dict[int, int]:
    """Free places per size in pools that are partly used, as CPython's allocator reports them."""
    report = getattr(sys, "_debugmallocstats", None)
    if report is None:  # another Python, or another allocator
        return {}
    matches = (_SIZE_CLASS.match(line) for line in _captured(report).splitlines())
    return {int(match[1]): int(match[2]) for match in matches if match}


def _captured(write_to_stderr: object) -> str:
    """What a C function writes to standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            write_to_stderr()  # type: ignore[operator]
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode(errors="replace")
