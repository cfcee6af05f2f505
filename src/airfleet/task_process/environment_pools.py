"""Pools of other Pythons: an attempt of a release with an environment of its own is forked there.

Such a pool is exec'd from the environment's interpreter (:mod:`airfleet.task_process.environment_main`). It serves
attempts over a socket that it inherits, by the messages of any pool. It starts with the first attempt, and ends with
this process or after some idle minutes. It has the variables and the user of this process, and no other descriptor.

An attempt is never forked from another Python in its place: where a pool dies again and again, its attempts are given
back, and their monitors report that nobody forks them.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from airfleet.task_process import ipc, task_user

#: what the interpreter of an environment runs; the number of its socket follows
MAIN: Final = "airfleet.task_process.environment_main"
#: within so many seconds, a pool that has died too often is not started again
_MINUTE: Final = 60.0


@dataclass
class _Pool:
    python: str
    process: subprocess.Popen[bytes]
    pidfd: int
    connection: socket.socket
    far: socket.socket  # the pool's end, held to get back what it leaves unread
    used: float


@dataclass
class EnvironmentPools:
    """The pools that this process has started, by their interpreters.

    ``selector`` is the one on which it waits; ``crashes`` are those of one pool within a minute that are borne, and
    ``idle_seconds`` those after which one that is not used ends.
    """

    selector: selectors.BaseSelector
    idle_seconds: float
    crashes: int
    clock: Callable[[], float] = time.monotonic
    main: str = MAIN
    #: the user that they run as, where it is another
    user: str | None = None
    _pools: dict[str, _Pool] = field(default_factory=dict)
    #: processes that have not ended, the retired ones too
    _living: set[int] = field(default_factory=set)
    _deaths: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._living)

    def give(self, python: str, attempt: ipc.Attempt) -> None:
        """Send an attempt to the pool of an interpreter, or give it back to its monitor when there can be none."""
        try:
            ipc.send(self.connection(python), attempt.message(), attempt.descriptors)
        except OSError as error:
            print(f"no pool of {python} takes attempt {attempt.id}: {error}", file=sys.stderr, flush=True)
        finally:
            ipc.close(attempt.descriptors)

    def connection(self, python: str) -> socket.socket:
        """Give the socket to the pool of an interpreter. Raises OSError when there can be none."""
        pool = self._pools.get(python) or self._start(python)
        pool.used = self.clock()
        return pool.connection

    def retire_idle(self) -> None:
        """End the pools that nobody has used for long, after their last attempts."""
        for pool in list(self._pools.values()):
            if pool.used + self.idle_seconds < self.clock():
                self._retire(pool)

    def retire_all(self) -> None:
        """End all pools after their last attempts."""
        for pool in list(self._pools.values()):
            self._retire(pool)

    def wait_seconds(self) -> float | None:
        """Return the seconds until :meth:`retire_idle` may have something to do."""
        return self.idle_seconds if self._pools else None

    def _start(self, python: str) -> _Pool:
        """Start a pool. Raises OSError when its interpreter is not there, or it has died too often."""
        self._deaths[python] = [when for when in self._deaths.get(python, ()) if when > self.clock() - _MINUTE]
        if len(self._deaths[python]) >= self.crashes:
            raise OSError(f"it has died {len(self._deaths[python])} times within a minute")
        near, far = ipc.pair()
        try:
            command = [python, "-m", self.main, str(far.fileno())]
            become = {} if self.user is None else task_user.of_process(self.user)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(far.fileno(),), **become)
        except OSError:
            ipc.close([near.detach(), far.detach()])
            raise
        pool = _Pool(python, process, os.pidfd_open(process.pid), near, far, self.clock())
        self._pools[python] = pool
        self._living.add(process.pid)
        self.selector.register(pool.pidfd, selectors.EVENT_READ, lambda: self._ended(pool))
        return pool

    def _retire(self, pool: _Pool) -> None:
        del self._pools[pool.python]
        pool.connection.close()  # it reads what is left, and ends after its last attempt

    def _ended(self, pool: _Pool) -> None:
        """Forget a pool that has ended; its unread attempts go to another one."""
        self.selector.unregister(pool.pidfd)
        os.close(pool.pidfd)
        code = pool.process.wait()
        self._living.discard(pool.process.pid)
        if self._pools.get(pool.python) is pool:
            del self._pools[pool.python]
            pool.connection.close()
        if code != 0:
            self._deaths.setdefault(pool.python, []).append(self.clock())
        unread = ipc.unread(pool.far)
        pool.far.close()
        for attempt in unread:
            self.give(pool.python, attempt)
