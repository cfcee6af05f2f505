"""The pool of a worker: keeps Dag zygotes and hands each attempt to the one that has its file loaded.

Processes, each a child of the one before::

    worker (Celery)   its slots hold the monitors of attempts
      keeper          starts the pool again when it dies; does nothing else
        pool          no user code, no Dag
          zygote    one for each Dag file in use, user code loaded
            attempt   one for each attempt of a task
          attempt     of a file that cannot be kept loaded
          pool      one for each Python environment in use: the same again, in another Python

Requests wait in a socket that the keeper holds open, so none is lost when the pool dies; one that it had
taken already is asked for again by its monitor, which sees the status socket closed.

Deaths, and their effects:

- an attempt: its monitor is told;
- a zygote: its attempts go on, their monitors see that their parent is gone, and the next attempt gets another zygote;
- the pool: the same;
- the keeper: the pool serves on;
- the pool without a keeper, or again and again: sending fails, and monitors fork by themselves;
- the worker: its end of the socket is closed, and all of these end.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from airfleet.file_stamps import Stamp
from airfleet.task_process import dag_zygote, ipc
from airfleet.task_process.children import Attempts, Descriptor, leave_behind, open_descriptors
from airfleet.task_process.environment_pools import EnvironmentPools
from airfleet.task_process.work import AttemptWork


@dataclass(frozen=True)
class Limits:
    """How much a pool keeps, and how often it tries."""

    #: zygotes kept at the most, and seconds after which one that is not used is given up
    zygotes: int = 8
    idle_seconds: float = 300.0
    #: seconds for which a file that could not be kept is not tried again while it does not change
    cold_seconds: float = 300.0
    #: a zygote that dies this often is not tried again for as long
    crashes: int = 3
    #: the keeper gives up when the pool dies more often than this within a minute
    pools_a_minute: int = 10


_USUAL = Limits()

#: the variable that says how many zygotes a pool keeps, where memory is scarce
ZYGOTES = "AIRFLEET_DAG_ZYGOTES"


def limits(environ: Mapping[str, str]) -> Limits:
    """Return the limits that the environment asks for."""
    return Limits(zygotes=int(environ.get(ZYGOTES, _USUAL.zygotes)))


def start(
    work: AttemptWork,
    titled: Callable[[str], None],
    limits: Limits = _USUAL,
    *,
    withheld: Collection[int] = (),
    settle: Callable[[], None] | None = None,
) -> socket.socket:
    """Fork keeper and pool; returns the socket to which attempts are sent (see :mod:`airfleet.task_process.ipc`).

    ``titled`` names a process for people; ``withheld`` are descriptors not for the pool; ``settle`` is what the
    pool does first, to be another user, say. Then nobody else may fork attempts, and the keeper does not give up. Call
    it while the process has one thread.
    """
    inherited = frozenset(found for found in open_descriptors() if found[0] not in withheld)
    requests, served = ipc.pair()
    if os.fork() == 0:
        requests.close()
        ipc.close(withheld)
        _child(lambda: _keep(ZygotePool(served, work, titled, inherited, limits, settle)))
    served.close()
    return requests


def _keep(pool: ZygotePool) -> None:
    """Have a pool at all times, until it ends by itself because nobody is left who could ask."""
    pool.titled("keeper")
    ignore_signals()
    started: list[float] = []
    while len(started) < pool.limits.pools_a_minute or pool.settle is not None:
        if len(started) >= pool.limits.pools_a_minute:
            time.sleep(60 / pool.limits.pools_a_minute)
        started = [when for when in started if when > pool.clock() - 60] + [pool.clock()]
        pid = os.fork()
        if pid == 0:
            _child(pool.run)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
            return
    print("the pool of Dag zygotes dies again and again; attempts are forked by their monitors", file=sys.stderr)


def _child(run: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        run()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ignore_signals() -> None:
    """Ignore signals to stop: a worker lets its attempts end, and so does everything that forks them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


@dataclass
class _PooledZygote:
    file: ipc.DagFile
    pid: int
    pidfd: int
    connection: socket.socket
    far: socket.socket  # the zygote's end, held to get back what it leaves unread
    used: float
    retired: bool = False


@dataclass
class _Cold:
    """A file whose attempts load it themselves."""

    until: float
    seen: Stamp | None
    crashes: int = 0


@dataclass
class ZygotePool:
    """Serves attempts that come over ``served``."""

    served: socket.socket
    work: AttemptWork
    titled: Callable[[str], None]
    inherited: frozenset[Descriptor]
    limits: Limits = _USUAL
    #: what it does before anything else
    settle: Callable[[], None] | None = None
    clock: Callable[[], float] = time.monotonic
    _zygotes: OrderedDict[ipc.DagFile, _PooledZygote] = field(default_factory=OrderedDict)
    _cold: dict[ipc.DagFile, _Cold] = field(default_factory=dict)
    #: processes of zygotes, the retired ones too
    _living: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Serve until every other end of the socket is closed and the last attempt has ended."""
        self.titled("pool")
        if self.settle is not None:
            self.settle()
        self._selector = selectors.DefaultSelector()
        self._attempts = Attempts(self._selector, self.inherited, self._run_unloaded, self.clock)
        self._others = EnvironmentPools(self._selector, self.limits.idle_seconds, self.limits.crashes, self.clock)
        self._open = True
        self._selector.register(self.served, selectors.EVENT_READ, self._take)
        while self._open or self._living or len(self._attempts) or len(self._others):
            for key, _ in self._selector.select(self._wait_seconds()):
                key.data()
            self._attempts.end_overdue()
            self._retire_idle()
            self._others.retire_idle()

    def _take(self) -> None:
        received = ipc.receive(self.served)
        if received is None:
            self._selector.unregister(self.served)
            self._open = False
            for zygote in list(self._zygotes.values()):
                self._retire(zygote)
            self._others.retire_all()
            return
        attempt = ipc.attempt(*received)
        if (python := self.work.python(attempt.file)) is not None:
            self._others.give(python, attempt)
        else:
            self._give(attempt)

    def _give(self, attempt: ipc.Attempt) -> None:
        """Give an attempt to its zygote, or to a process that loads the file itself when it cannot be kept."""
        if self._is_cold(attempt.file):
            self._attempts.start(attempt)
            return
        zygote = self._zygotes.get(attempt.file) or self._new_zygote(attempt.file)
        zygote.used = self.clock()
        self._zygotes.move_to_end(attempt.file)
        ipc.send(zygote.connection, attempt.message(), attempt.descriptors)
        ipc.close(attempt.descriptors)

    def _run_unloaded(self, attempt: ipc.Attempt) -> NoReturn:
        self.work.run(attempt, None)

    def _new_zygote(self, file: ipc.DagFile) -> _PooledZygote:
        while len(self._zygotes) >= self.limits.zygotes:
            self._retire(next(iter(self._zygotes.values())))
        near, far = ipc.pair()
        pid = os.fork()
        if pid == 0:
            leave_behind(self.inherited, {far.fileno()})
            _child(lambda: self._become_zygote(file, far))
        zygote = _PooledZygote(file, pid, os.pidfd_open(pid), near, far, self.clock())
        self._zygotes[file] = zygote
        self._living.add(pid)
        self._selector.register(near, selectors.EVENT_READ, lambda: self._returned(zygote))
        self._selector.register(zygote.pidfd, selectors.EVENT_READ, lambda: self._ended(zygote))
        return zygote

    def _become_zygote(self, file: ipc.DagFile, connection: socket.socket) -> None:
        self.titled(f"zygote of {file.path}")
        dag_zygote.serve(file, connection, self.work, self.inherited)

    def _returned(self, zygote: _PooledZygote) -> None:
        """Take back an attempt from a zygote whose file has changed, or cannot be kept."""
        if zygote.connection.fileno() < 0:
            return  # it has ended in the same moment; what it sent back is on its way already
        received = ipc.receive(zygote.connection)
        if received is None:
            return
        message, descriptors = received
        attempt = ipc.attempt(message, descriptors)
        self._retire(zygote)
        if reasons := message.get("cold"):
            self._note_cold(zygote.file)
            print(f"{zygote.file.path} is loaded in each attempt: {', '.join(reasons)}", file=sys.stderr, flush=True)
            self._attempts.start(attempt)
        else:
            self._give(attempt)

    def _ended(self, zygote: _PooledZygote) -> None:
        """Forget a zygote that has ended; its unread attempts go to another one."""
        self._selector.unregister(zygote.pidfd)
        self._selector.unregister(zygote.connection)
        os.close(zygote.pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(zygote.pid, 0)[1])
        self._living.discard(zygote.pid)
        if self._zygotes.get(zygote.file) is zygote:
            del self._zygotes[zygote.file]
        if code != 0:
            self._note_crash(zygote.file)
        for end in (zygote.connection, zygote.far):
            for attempt in ipc.unread(end):
                self._give(attempt)
            end.close()

    def _retire(self, zygote: _PooledZygote) -> None:
        """Give no further attempt to this zygote, which ends after its last."""
        if self._zygotes.get(zygote.file) is zygote:
            del self._zygotes[zygote.file]
        if not zygote.retired:
            zygote.retired = True
            ipc.send(zygote.connection, {"retire": True})

    def _retire_idle(self) -> None:
        for zygote in list(self._zygotes.values()):
            if zygote.used + self.limits.idle_seconds < self.clock():
                self._retire(zygote)

    def _wait_seconds(self) -> float | None:
        waits = [self._attempts.wait_seconds(), self._others.wait_seconds()]
        if self._zygotes:
            waits.append(self.limits.idle_seconds)
        return min((wait for wait in waits if wait is not None), default=None)

    def _is_cold(self, file: ipc.DagFile) -> bool:
        cold = self._cold.get(file)
        if cold is not None and (cold.until < self.clock() or cold.seen != self.work.stamp(file)):
            del self._cold[file]
            return False
        return cold is not None and cold.crashes in (0, self.limits.crashes)

    def _note_cold(self, file: ipc.DagFile) -> None:
        self._cold[file] = _Cold(self.clock() + self.limits.cold_seconds, self.work.stamp(file))

    def _note_crash(self, file: ipc.DagFile) -> None:
        cold = self._cold.setdefault(file, _Cold(self.clock() + self.limits.cold_seconds, self.work.stamp(file)))
        cold.crashes = min(cold.crashes + 1, self.limits.crashes)
