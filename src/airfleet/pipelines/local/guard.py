"""The process between ``airfleet run`` and Airflow: it ends everything that a run started, however the run ends.

::

    airfleet run ── lifeline (a pipe) ──> guard ── forks ──> Airflow ──> tasks and what they start

The guard ends the run when Airflow's process has ended, when nobody holds the other end of the lifeline (because
``airfleet run`` was killed, for example), or on a signal. Airflow then gets SIGINT and time to call a task's
``on_kill``. After that the guard ends everything below it.

The guard is a subreaper: what leaves its parent, or begins a session of its own, stays below the guard. The kernel
kills Airflow's process when the guard dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airfleet.system import procfs

#: for ``on_kill`` of the running task, seconds
ON_KILL_SECONDS: Final = 10.0
#: for what is left then, between SIGTERM and SIGKILL, seconds
TERM_SECONDS: Final = 2.0
#: for the kernel to end what got SIGKILL, seconds
KILL_SECONDS: Final = 5.0

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def fork_guarded(lifeline: int, events: int, home: Path) -> None:
    """Return in a forked child, which has ``events``; this process guards it to its end, and exits as it did."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guard, child = os.getpid(), os.fork()
    if child == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died before we asked
            os._exit(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, lifeline)
        os.close(nothing)
        return
    os.close(events)  # the end of Airflow's process is their end
    status = _guarded(child, lifeline)
    shutil.rmtree(home, ignore_errors=True)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _guarded(child: int, lifeline: int) -> int:
    """Wait until the child ends or has to; its status, when everything below this process is gone."""
    alarm, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *_ASK_FOR_THE_END):
        signal.signal(number, lambda *_: None)
    status = None
    while status is None:
        readable, _, _ = select.select([lifeline, alarm], [], [])
        asked = alarm in readable and not _ASK_FOR_THE_END.isdisjoint(os.read(alarm, 4096))
        cut = lifeline in readable and not os.read(lifeline, 4096)
        status = _interrupted(child) if asked or cut else _ended(child, 0)
    _end_the_rest()
    return status


_ASK_FOR_THE_END: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def _interrupted(child: int) -> int:
    """Let Airflow call the task's ``on_kill``; its status when it has ended."""
    os.kill(child, signal.SIGINT)
    status = _ended(child, ON_KILL_SECONDS)
    if status is None:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return status


def _ended(child: int, seconds: float) -> int | None:
    """Return the status of the child, if it ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)


def _end_the_rest() -> None:
    """End every process below this one: orphans become its children, however far below they began."""
    _send_until_gone(signal.SIGTERM, TERM_SECONDS)
    _send_until_gone(signal.SIGKILL, KILL_SECONDS)


def _send_until_gone(number: signal.Signals, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    told: set[int] = set()
    while (left := set(_children())) and time.monotonic() < deadline:
        for pid in left - told:
            with contextlib.suppress(OSError):  # it has ended, or is another user's
                os.kill(pid, number)
        told |= left
        time.sleep(0.02)


def _children() -> Iterator[int]:
    """Yield the living children of this process; those that ended are reaped."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    own = os.getpid()
    yield from (pid for pid, found in procfs.table().items() if found.parent == own)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
