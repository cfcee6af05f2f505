"""Forks attempts and tells each attempt's monitor how it ends.

States of an attempt: forked -> exited (status sent) -> reaped (when its monitor has closed its socket, so
that the pid stays taken while the monitor may still signal it). A monitor that closes its socket earlier
is gone: its attempt gets SIGTERM, so that ``on_kill`` runs, and SIGKILL some seconds later, because nobody
is left who could report what it does. An attempt may tell its exit code itself, when only the kernel's part of
its end is left: then its monitor says that it has heard, and may go at once.

A forked process has a process group of its own and no descriptor that was opened here. It is the first process that
the kernel ends when memory runs out: one attempt, not the worker.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NoReturn

from airfleet.task_process import ipc

#: seconds between SIGTERM and SIGKILL for an attempt whose monitor is gone
ESCALATION_SECONDS = 3.0
#: added to an attempt's badness when the kernel chooses what to end for want of memory
_OOM_SCORE = "500"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

#: a descriptor and what it is of (device, inode): a number alone is soon that of something else
Descriptor = tuple[int, int, int]


@dataclass
class _Running:
    pid: int
    pidfd: int
    status: socket.socket
    kill_at: float | None = None
    #: its monitor knows how it ends
    heard: bool = False


class Attempts:
    """The attempts that this process has forked.

    ``selector`` is the one on which it waits; ``inherited`` are the descriptors that attempts may have too;
    ``run`` is what a process does that was forked for an attempt.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        inherited: frozenset[Descriptor],
        run: Callable[[ipc.Attempt], NoReturn],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._selector = selector
        self._inherited = inherited
        self.run = run
        self._clock = clock
        self._running: dict[int, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, attempt: ipc.Attempt) -> None:
        """Fork a process for an attempt; tell its monitor the pid."""
        pid = self.fork(attempt.descriptors, lambda: self.run(attempt))
        pidfd = os.pidfd_open(pid)
        status = socket.socket(fileno=attempt.descriptors[0])
        ipc.close(attempt.descriptors[1:])
        self.adopt(pid, pidfd, status)
        if not tell_pid(status, pid, pidfd):
            self._monitor_gone(self._running[pid])

    def adopt(self, pid: int, pidfd: int, status: socket.socket) -> None:
        """See to an attempt that runs already in a child of this process."""
        running = _Running(pid, pidfd, status)
        self._running[pid] = running
        self._selector.register(pidfd, selectors.EVENT_READ, lambda: self._exited(running))
        self._selector.register(status, selectors.EVENT_READ, lambda: self._from_monitor(running))

    def fork(self, kept: Collection[int], become: Callable[[], NoReturn]) -> int:
        """Fork a process with only the descriptors that it may have, which calls ``become``; return its pid."""
        # Who forks attempts ignores what would end it: a signal to a new attempt waits until it does not.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        if pid == 0:
            try:
                leave_behind(self._inherited, kept)
                _settle_in()
                become()
            finally:  # never back into the loop of what it was forked from
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _set_group(pid)
        return pid

    def wait_seconds(self) -> float | None:
        """Return the seconds until :meth:`end_overdue` has something to do."""
        due = [running.kill_at for running in self._running.values() if running.kill_at is not None]
        return max(0.0, min(due) - self._clock()) if due else None

    def end_overdue(self) -> None:
        """Kill attempts without a monitor that did not end when they were asked to."""
        for running in self._running.values():
            if running.kill_at is not None and running.kill_at <= self._clock():
                running.kill_at = None
                _signal_group(running.pid, signal.SIGKILL)

    def _exited(self, running: _Running) -> None:
        ended = os.waitid(os.P_PIDFD, running.pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is None:
            return
        self._selector.unregister(running.pidfd)
        os.close(running.pidfd)
        running.pidfd, running.kill_at = -1, None
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        if running.status.fileno() < 0 or not _tell(running.status, {"exit": code}):
            self._reap(running)

    def _from_monitor(self, running: _Running) -> None:
        """Take note that the monitor has heard of the end, or has closed its socket."""
        if running.pid not in self._running:
            return  # reaped by an event of the same moment
        if _has_message(running.status):
            running.heard = True
        else:
            self._monitor_gone(running)

    def _monitor_gone(self, running: _Running) -> None:
        if running.status.fileno() >= 0:
            self._selector.unregister(running.status)
            running.status.close()
        if running.pidfd < 0:
            self._reap(running)
        elif not running.heard and running.kill_at is None:
            running.kill_at = self._clock() + ESCALATION_SECONDS
            _signal_group(running.pid, signal.SIGTERM)

    def _reap(self, running: _Running) -> None:
        if running.status.fileno() >= 0:
            self._selector.unregister(running.status)
            running.status.close()
        os.waitpid(running.pid, 0)
        del self._running[running.pid]


def tell_pid(status: socket.socket, pid: int, pidfd: int) -> bool:
    """Tell a monitor the process of its attempt; return whether it was there."""
    return _tell(status, {"pid": pid}, [pidfd])


def open_descriptors() -> frozenset[Descriptor]:
    """Return every descriptor that is open in this process."""
    return frozenset(found for number in map(int, os.listdir("/proc/self/fd")) if (found := _identity(number)))


def leave_behind(inherited: Collection[Descriptor], kept: Collection[int]) -> None:
    """Close every descriptor but ``inherited`` and ``kept`` ones, in a new process."""
    ipc.close(number for number, *_ in open_descriptors() - set(inherited) if number not in kept)


def _identity(number: int) -> Descriptor | None:
    try:
        found = os.fstat(number)
    except OSError:  # it was the one of the folder that lists them
        return None
    return number, found.st_dev, found.st_ino


def _settle_in() -> None:
    """Make a new attempt a process of its own, before anything else."""
    _set_group(0)
    for number in (*_ENDING, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(_OOM_SCORE)
    except OSError:  # a container that forbids it: the kernel chooses by size alone
        pass


def _set_group(pid: int) -> None:
    """Give ``pid`` a process group of its own; both sides do it, so that it is true for both at once."""
    try:
        os.setpgid(pid, pid)
    except OSError:  # it has ended already
        pass


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def _has_message(status: socket.socket) -> bool:
    """Tell whether this is a message of the monitor, and not its end."""
    try:
        return status.fileno() >= 0 and ipc.receive(status) is not None
    except ConnectionResetError:  # it ended without reading what it was told
        return False


def _tell(status: socket.socket, message: dict[str, int], descriptors: Iterable[int] = ()) -> bool:
    """Tell a monitor; return whether it was there."""
    try:
        ipc.send(status, message, list(descriptors))
    except OSError:
        return False
    return True
