"""Wakeups of the agent's loop: signals, and threads that have an answer."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36

_HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Wakeup:
    """A socket that becomes readable when the loop should look; signals arrive in it as their numbers."""

    def __init__(self) -> None:
        self.socket, self._write = socket.socketpair()
        self.socket.setblocking(False)
        self._write.setblocking(False)

    def heed_signals(self) -> None:
        """Have signals do nothing but wake the loop. Only the main thread may call this."""
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in _HEEDED:
            signal.signal(number, lambda *_: None)

    def wake(self) -> None:
        """Wake the loop, from any thread."""
        with contextlib.suppress(BlockingIOError):  # full: it is awake enough
            self._write.send(b"\0")

    def hush(self) -> None:
        """Drain the socket."""
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(4096):
                pass

    def wants_end(self) -> bool:
        """Drain the socket; tell whether one of the signals asks for the end."""
        return bool({signal.SIGTERM, signal.SIGINT} & set(self.socket.recv(4096)))


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it (a subreaper, as PID 1 is for all)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dead_children() -> Iterator[int]:
    """Yield the pids of children that have ended, one at a time; they stay until :func:`os.waitpid`.

    A pid that is left for later is the next one again: stop then.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        yield ended.si_pid
