"""The monitor's side of the pool: it asks for a process, and follows the end of the attempt in it.

The pool (:mod:`airfleet.task_process.pool`) forks attempts; :mod:`airfleet.task_process.ipc` draws the messages.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from airflow.sdk.execution_time.supervisor import ProcessTracker

from airfleet.monitor import process_exit
from airfleet.task_process import ipc
from airfleet.task_process.work import same_python

#: in which the pool has to fork an attempt, seconds; a Dag file that loads for 30 s is given up
FORK_SECONDS = 45.0
#: tries, each of which may cost a Dag zygote or a pool, before the monitor forks by itself
_TRIES = 3

#: exit codes of processes that a signal ended, with its name, as psutil gives them
NegativeSignal = IntEnum("NegativeSignal", {s.name: -s.value for s in signal.Signals})  # type: ignore[misc]

_pool: socket.socket | None = None
_python: Callable[[ipc.DagFile], str | None] = same_python


def use(pool: socket.socket | None, python: Callable[[ipc.DagFile], str | None] = same_python) -> None:
    """Have attempts of this process and its children forked by the pool behind this socket.

    ``python`` names the interpreter of the environment that a file runs in.
    """
    global _pool, _python
    _pool, _python = pool, python


def python(file: ipc.DagFile) -> str | None:
    """Name the interpreter that the pool takes for a file; None for its own."""
    return _python(file)


def has_pool() -> bool:
    """Tell whether there is a pool to ask."""
    return _pool is not None


class StillRunning(Exception):
    """The end of the attempt was not told yet."""


class PoolTracker(ProcessTracker):
    """An attempt of another parent, which tells its end over a socket."""

    ProcessNotFound = ProcessLookupError
    TimeoutExpired = StillRunning

    def __init__(self, pid: int, pidfd: int, status: socket.socket) -> None:
        self._pid = pid
        self._exit_code: int | None = None
        self.process = process_exit.Descriptor(pidfd)
        self.status = status

    @property
    def pid(self) -> int:
        """The attempt's process."""
        return self._pid

    def send_signal(self, s: signal.Signals) -> None:
        """Send a signal. Raises ProcessLookupError when the attempt has ended."""
        if self._exit_code is not None:
            raise ProcessLookupError(self._pid)
        signal.pidfd_send_signal(self.process.fileno(), s)

    def ended(self, code: int) -> None:
        """Take note of its exit code, negative for a signal."""
        self._exit_code = NegativeSignal(code) if code < 0 else code

    def wait(self, timeout: float | None) -> int:
        """Return the exit code. Raises StillRunning before it was told; never waits."""
        if self._exit_code is None:
            raise StillRunning
        return self._exit_code


@dataclass(frozen=True)
class Forked:
    """A fresh attempt: its process, and the monitor's ends of requests, stdout, stderr and logs."""

    tracker: PoolTracker
    sockets: tuple[socket.socket, ...]


def fork(attempt_id: str, file: ipc.DagFile) -> Forked | None:
    """Ask the pool for a process; return None without a pool that answers.

    The question is repeated when a Dag zygote or the pool dies before it has answered: nothing has started yet.
    """
    for _ in range(_TRIES):
        if _pool is None:
            return None
        (status, *ours), theirs = _sockets()
        try:
            attempt = ipc.Attempt(attempt_id, file, tuple(end.fileno() for end in theirs))
            ipc.send(_pool, attempt.message(), attempt.descriptors)
            _close(theirs)
            received = ipc.receive(status)
        except OSError:  # the pool is gone or (TimeoutError) does not answer
            _close([status, *ours, *theirs])
            return None
        if received is not None:
            status.setblocking(True)
            return Forked(PoolTracker(received[0]["pid"], received[1][0], status), tuple(ours))
        _close([status, *ours])
    return None


def _sockets() -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the monitor's and the attempt's ends of status, requests, stdout, stderr and logs."""
    pairs = [ipc.pair(), *(socket.socketpair() for _ in range(4))]
    pairs[0][0].settimeout(FORK_SECONDS)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _close(sockets: Iterable[socket.socket]) -> None:
    for end in sockets:
        end.close()
