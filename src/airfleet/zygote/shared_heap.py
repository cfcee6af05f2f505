"""Keep the pages of a process that is about to be forked shared for as long as possible.

A child copies a page when it writes to it. Two writers can be avoided: the garbage collector
(``gc.freeze``) and new objects that land in holes between old ones. Importing leaves tens of
thousands of holes, spread over all pages; :func:`fill_holes` plugs them, small ones in Python's
own allocator and larger ones in the C library's, so that what a child allocates goes to pages of
its own. Nothing is written into the plugs, so they take no memory that was not taken before.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterator

#: bytes that an empty ``bytes`` object takes, with its end mark
_EMPTY_BYTES = sys.getsizeof(b"")

_SIZE_CLASS = re.compile(r"\s*\d+\s+(\d+)\s+\d+\s+\d+\s+(\d+)\s*$")

#: size of a huge page, and the advice to make some at once (linux/mman.h)
_HUGE_BYTES = 2 * 2**20
_MADV_COLLAPSE = 25

#: what plugs the holes; never freed, so the holes stay plugged
_plugs: list[bytes] = []

#: sizes in bytes that are asked of the C library, largest first; from 128 kB on it maps pages of their own
_PLUG_SIZES = (126_976, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512, 256, 128, 64, 32)
#: plugs of one size at the most: a bound for the day the C library's heap looks different
_MOST_PLUGS = 20_000


def give_back() -> None:
    """Free what nothing refers to any more, and give the system its pages back."""
    gc.collect()
    trim()


def trim() -> None:
    """Give free pages back to the system, where the C library can (glibc)."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def fill_holes() -> int:
    """Plug the holes in both heaps; returns how many plugs that took."""
    before = len(_plugs)
    for size, holes in _holes().items():
        if size > _EMPTY_BYTES:
            _plugs.extend(bytes(size - _EMPTY_BYTES) for _ in range(holes))
    return len(_plugs) - before + _fill_c_heap()


def _fill_c_heap() -> int:
    """Take every free chunk below the top of the C library's heap, largest first (glibc only)."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return 0
    libc.mallinfo2.restype = _HeapInfo
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    libc.free.restype, libc.free.argtypes = None, (ctypes.c_void_p,)
    libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, (ctypes.c_ssize_t,)
    top = libc.sbrk(0) - libc.mallinfo2().keepcost
    return sum(_plug(libc, size, top) for size in _PLUG_SIZES)


def _plug(libc: ctypes.CDLL, size: int, top: int) -> int:
    for count in range(_MOST_PLUGS):
        chunk = libc.malloc(size)
        if not chunk:
            return count
        if chunk >= top:  # no hole of this size is left: it came from the top, or from new pages
            libc.free(chunk)
            return count
    return _MOST_PLUGS


def use_huge_pages() -> int:
    """Back the heap with huge pages, where the kernel can (Linux 6.1); returns how many bytes it did.

    A fork copies the table of pages, and an exit takes it down: 512 times shorter for what lies in huge
    pages. A child that writes copies an ordinary page all the same.
    """
    libc = ctypes.CDLL(None)
    libc.madvise.restype, libc.madvise.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    done = 0
    for start, end in list(_anonymous_memory()):
        first, last = -(-start // _HUGE_BYTES) * _HUGE_BYTES, end // _HUGE_BYTES * _HUGE_BYTES
        if last > first and libc.madvise(first, last - first, _MADV_COLLAPSE) == 0:
            done += last - first
    return done


def _anonymous_memory() -> Iterator[tuple[int, int]]:
    """First and last address of every writable mapping without a file, but for stacks."""
    with open("/proc/self/maps") as file:
        for line in file:
            addresses, permissions, _, _, inode, *name = line.split()
            if permissions.startswith("rw") and inode == "0" and "stack" not in "".join(name):
                start, _, end = addresses.partition("-")
                yield int(start, 16), int(end, 16)


class _HeapInfo(ctypes.Structure):
    """``struct mallinfo2``; ``keepcost`` is the free space at the top of the heap."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def _holes() -> dict[int, int]:
    """Free places per size in pools that are partly used, as CPython's allocator reports them."""
    report = getattr(sys, "_debugmallocstats", None)
    if report is None:  # another Python, or another allocator
        return {}
    matches = (_SIZE_CLASS.match(line) for line in _captured(report).splitlines())
    return {int(match[1]): int(match[2]) for match in matches if match}


def _captured(write_to_stderr: object) -> str:
    """Return the output of a C function on standard error."""
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
