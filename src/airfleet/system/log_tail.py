"""The end of a log file, and what is written to it afterwards.

A file may be truncated, or moved away and made anew (rotation), while it is followed: the
rest of the old file is read first, then the new one from its beginning. A line is given when it
is complete.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

BLOCK = 64 * 1024
#: of what was written since, at once; and of a line that does not end
MOST_BYTES = 1024 * 1024
#: of the last lines of a file, however long they are
MOST_AT_THE_END = 16 * 1024 * 1024


def last_lines(path: Path, count: int) -> list[str]:
    """Read the last ``count`` lines from the end; none when the file cannot be read."""
    if count <= 0:
        return []
    try:
        with open(path, "rb") as file:
            data = _last_bytes(file, count)
    except OSError:
        return []
    return _text(data).splitlines()[-count:]


def last_complete(path: Path, count: int) -> tuple[list[str], int]:
    """Read the last ``count`` complete lines, and the byte after them. Raises OSError for an unreadable file."""
    with open(path, "rb") as file:
        data = _last_bytes(file, count + 1)
        end = file.seek(0, os.SEEK_CUR)
    whole, newline, rest = data.rpartition(b"\n")
    lines = _text(whole).split("\n") if newline else []
    return (lines[-count:] if count > 0 else []), end - len(rest)


def complete_after(path: Path, offset: int, most: int = MOST_BYTES) -> tuple[list[str], int]:
    """Read the complete lines from a byte on, at most so many bytes of them, and the byte after them.

    A file that is shorter was made anew, and is read from its beginning; of a line that is longer than ``most``, what
    there is of it is a line. Raises OSError when the file cannot be read.
    """
    with open(path, "rb") as file:
        start = offset if offset <= file.seek(0, os.SEEK_END) else 0
        file.seek(start)
        data = file.read(most)
    whole, newline, rest = data.rpartition(b"\n")
    if not newline and len(data) < most:
        return [], start
    return _text(whole if newline else rest).split("\n"), start + (len(whole) + 1 if newline else len(data))


def _last_bytes(file: BinaryIO, lines: int) -> bytes:
    """Read back from the end for at least so many lines; the file's position is at the end afterwards.

    Fewer when they are more than :data:`MOST_AT_THE_END` bytes.
    """
    at = end = file.seek(0, os.SEEK_END)
    blocks: list[bytes] = []
    newlines = 0
    while at > 0 and newlines <= lines and end - at < MOST_AT_THE_END:
        size = min(BLOCK, at)
        at -= size
        file.seek(at)
        blocks.append(file.read(size))
        newlines += blocks[-1].count(b"\n")
    file.seek(end)
    return b"".join(reversed(blocks))


class Tail:
    """One file, from its end or its beginning on."""

    def __init__(self, path: Path, *, from_end: bool) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._open(from_end=from_end)

    def read(self) -> list[str]:
        """Read the complete lines written since the last time."""
        new = self._new_bytes()
        data = self._rest + new
        if len(new) < MOST_BYTES and self._was_replaced():
            # The last line of the old file is complete: no process writes to it any more.
            lines = _text(data).splitlines()
            self._rest = b""
            self._open(from_end=False)
            return lines
        whole, newline, self._rest = data.rpartition(b"\n")
        if not newline and len(data) >= MOST_BYTES:
            whole, newline, self._rest = data, b"\n", b""
        return _text(whole).split("\n") if newline else []

    def _new_bytes(self) -> bytes:
        if self._file is None:
            self._open(from_end=False)
        if self._file is None:
            return b""
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
            self._rest = b""
        return self._file.read(MOST_BYTES)

    def _was_replaced(self) -> bool:
        if self._file is None:
            return False
        try:
            there = os.stat(self._path)
        except OSError:
            return False
        mine = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)

    def _open(self, *, from_end: bool) -> None:
        if self._file is not None:
            self._file.close()
        try:
            self._file = open(self._path, "rb")  # noqa: SIM115 - kept open while it is followed
        except OSError:
            self._file = None
            return
        if from_end:
            self._file.seek(0, os.SEEK_END)


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace").replace("\r\n", "\n")
