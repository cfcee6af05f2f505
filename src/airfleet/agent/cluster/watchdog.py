"""The watchdog: a process that ends the attempts of a host when its agent hangs, or was killed.

``python -m airfleet.agent.cluster.watchdog ID`` reads lines from its standard input, each a permission: for how many
seconds attempts may go on, and the trees that are nothing to it (servers, schedulers, api-servers; by their first
pids). When the time is over and no other permission came, it ends every other process of the fleet ``ID`` on this
machine by force. A host whose agent is dead renews no lease; its attempts must have ended before others begin them
again.

``bye`` ends it; so does the end of its input, once it has done its duty. A new agent ends it with everything else that
the one before had left.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from airfleet.system import process_tree, procfs

#: how long processes that were killed may take to be gone, seconds
KILL_SECONDS = 5.0
#: seconds between two looks for what workers have left
LOOK_SECONDS = 3.0
BYE = b"bye"


@dataclass(frozen=True)
class Permission:
    """A deadline, and the processes that are exempt from it with all below them."""

    seconds: float
    spared: frozenset[int]

    def line(self) -> bytes:
        """Return the line that is sent.

        >>> Permission(8.5, frozenset({7})).line()
        b'8.50 7\\n'
        """
        return (" ".join((f"{self.seconds:.2f}", *map(str, sorted(self.spared)))) + "\n").encode()

    @classmethod
    def read(cls, line: bytes) -> Permission:
        """Read what :meth:`line` made."""
        seconds, *spared = line.split()
        return cls(float(seconds), frozenset(map(int, spared)))


class Watchdog:
    """The agent's end."""

    def __init__(self, fleet_id: str) -> None:
        self._fleet_id = fleet_id
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return its pid, while it has a process."""
        return self._process.pid if self._process else None

    def permit(self, permission: Permission) -> None:
        """Let attempts go on for a while; start the watchdog when it does not run."""
        if self._process is None:
            self._process = _spawn(self._fleet_id)
        assert self._process.stdin is not None
        with suppress(OSError):  # dead, or too busy to read what it knows already
            os.write(self._process.stdin.fileno(), permission.line())

    def ended(self, pid: int) -> bool:
        """Note that a process has ended; tell whether it was the watchdog."""
        if self._process is None or self._process.pid != pid:
            return False
        self._forget()
        return True

    def close(self) -> None:
        """End the watchdog: no attempts are left."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                os.write(self._process.stdin.fileno(), BYE + b"\n")
            self._forget()

    def _forget(self) -> None:
        assert self._process is not None
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.returncode = 0  # whoever reaps it is the agent
        self._process = None


def _spawn(fleet_id: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "airfleet.agent.cluster.watchdog", fleet_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, process_tree.MARK: fleet_id},
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


def end_attempts(
    fleet_id: str, spared: Collection[int], below: int | None = None, seconds: float = KILL_SECONDS
) -> int:
    """Kill every process of the fleet on this machine but the spared ones and those below them; return how many.

    ``below`` is the agent while it lives. Returns when they are gone, or after ``seconds``.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + seconds
    while found := _others(fleet_id, spared, below):
        for pid in found:
            killed.add(pid)
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return len(killed)


def has_attempts(fleet_id: str, spared: Collection[int], below: int | None = None) -> bool:
    """Tell whether there is a process that :func:`end_attempts` would kill."""
    return bool(_others(fleet_id, spared, below))


class LeftAttempts:
    """Attempts that outlive the leaders of their workers; ``look`` tells whether there are any."""

    def __init__(self, look: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._look = look
        self._clock = clock
        self._may_be = False
        self._looked_at = -math.inf

    def worker_began(self) -> None:
        """Note that there may be attempts from now on, until a look finds none."""
        self._may_be = True

    def ended(self) -> None:
        """Note that all may have been killed: the next question takes a look."""
        self._looked_at = -math.inf

    def may_be(self, workers: bool) -> bool:
        """Tell whether there may be attempts now; ``workers``: there are leaders."""
        now = self._clock()
        if workers:
            self._may_be = True
        elif self._may_be and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._may_be = self._look()
        return self._may_be


def _others(fleet_id: str, spared: Collection[int], below: int | None) -> tuple[int, ...]:
    found = process_tree.find(fleet_id, below=below)
    table = procfs.table()
    return tuple(pid for pid in found if pid != below and not process_tree.belongs(pid, table, set(spared) - {below}))


def main(fleet_id: str) -> None:
    """Run the watchdog's process."""
    agent = os.getppid()  # it is spared, what is below it is not for that
    deadline, spared, told = math.inf, frozenset[int](), b""
    listening = True
    while listening or deadline < math.inf:
        left = max(0.0, deadline - time.monotonic())
        wait = None if left == math.inf else left
        readable = select.select([0] if listening else [], [], [], wait)[0]
        if readable:
            received = os.read(0, 65536)
            listening = bool(received)
            *lines, told = (told + received).split(b"\n")
            if BYE in lines:
                return
            if lines:
                permission = Permission.read(lines[-1])
                deadline, spared = time.monotonic() + permission.seconds, permission.spared
        elif time.monotonic() >= deadline:
            deadline = math.inf
            end_attempts(fleet_id, spared | {os.getpid()}, below=agent)


if __name__ == "__main__":
    main(sys.argv[1])
