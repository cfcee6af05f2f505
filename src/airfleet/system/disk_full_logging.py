"""Logs on a full disk: lines without room are lost, and the process that writes them goes on.

A write to a full disk is an error of the operating system. Where that reaches a scheduler, or the monitor of a task,
from a line of its log, the scheduler dies and the task fails for want of a log. Only these two errors are borne
(``ENOSPC``, ``EDQUOT``); a line that was lost in the middle is ended before the next one.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: OSError) -> bool:
    """Tell whether an error means a full disk or quota."""
    return error.errno in _FULL


class LossyFile(io.FileIO):
    """A raw file to append to, which loses what its disk has no room for. It may be given an open descriptor."""

    _lost = False

    def write(self, data: Any) -> int:
        """Write ``data`` or lose it on a full disk; give its size. Raises OSError for every other reason."""
        try:
            if self._lost:
                super().write(b"\n")
                self._lost = False
            return super().write(data)
        except OSError as error:
            if not is_full(error):
                raise
            self._lost = True
            return memoryview(data).nbytes


def text(path: Path) -> io.TextIOWrapper:
    """Open a log at ``path``; a new one is its owner's alone. Raises OSError when that is impossible."""
    raw = LossyFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a")
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace")


def keep_streams() -> None:
    """Have this process, and all that it forks, write to the same places as before, and lose what has no room there."""
    sys.stdout, sys.stderr = _stream(sys.stdout), _stream(sys.stderr)


def _stream(stream: Any) -> io.TextIOWrapper:
    stream.flush()
    raw = LossyFile(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class LossyLogger:
    """A logger for structlog to wrap, whose lines may get lost; all else is that logger's own."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._logger, name)
        return _bearing_call(found) if callable(found) else found


def _bearing_call(write: Callable[..., Any]) -> Callable[..., Any]:
    def bearing(*args: Any, **kwargs: Any) -> Any:
        try:
            return write(*args, **kwargs)
        except OSError as error:
            if not is_full(error):
                raise
            return None

    return bearing


def bearing(logger: Any) -> Any:
    """Make a logger of structlog whose lines may get lost: no caller fails for want of a log."""
    if logger is None:
        return None
    bound = logger.bind()
    bound._logger = LossyLogger(bound._logger)
    return bound
