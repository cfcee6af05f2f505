"""The one reader of ``/proc/PID``: state, parent, session and start of processes, their arguments and environments.

Processes come and go while they are looked at, so one that is gone has no state, no arguments and no variables: none
of these functions raises for it. Where there is no ``/proc``, no process is seen. ``proc`` is another folder in tests.

psutil reads the same files and is not used: it takes twice as long for a table, costs the agent 0.9 MB, and has
neither sessions nor states of threads.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

PROC = "/proc"
#: states of proc(5) in which a process only waits to be reaped
_ENDED = frozenset("ZX")
#: states of a thread in which it does nothing once a signal to stop was sent: stopped, traced, ended, or in a call of
#: the kernel that has to end first
_STILL = frozenset("TtZXD")


@dataclass(frozen=True, slots=True)
class Stat:
    """A line of the process table, from ``/proc/PID/stat``."""

    pid: int
    #: a letter of proc(5)
    state: str
    parent: int
    session: int
    #: clock ticks since boot; with the pid it names a process for good
    started: int

    @property
    def has_ended(self) -> bool:
        """Whether it only waits to be reaped."""
        return self.state in _ENDED

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        return self.state == "T"


def stat(pid: int, proc: str | os.PathLike[str] = PROC) -> Stat | None:
    """Return the line of a process; None when it is gone."""
    fields = stat_fields(read(pid, "stat", proc))
    return Stat(pid, fields[0], int(fields[1]), int(fields[3]), int(fields[19])) if fields else None


def stat_fields(line: bytes) -> list[str]:
    """Split a line of ``stat`` behind the name of the program: the state is the first field.

    The name is in parentheses and may hold anything: parentheses, blanks, half of a letter.

    >>> stat_fields(b"7 (a (b) c) S 1 7 7")
    ['S', '1', '7', '7']
    """
    return line.rpartition(b")")[2].decode("ascii").split()


def table(proc: str | os.PathLike[str] = PROC) -> dict[int, Stat]:
    """Return the lines of all processes, by pid; those that have ended and are not reaped are among them."""
    return {pid: found for pid in pids(proc) if (found := stat(pid, proc))}


def pids(proc: str | os.PathLike[str] = PROC) -> list[int]:
    """Return the pids of all processes."""
    return [int(name) for name in _names(proc) if name.isdigit()]


def of_user(user: int) -> Iterator[int]:
    """Yield the pids of the processes that run as a user (a uid)."""
    for pid in pids():
        with contextlib.suppress(OSError):
            if os.stat(f"{PROC}/{pid}").st_uid == user:
                yield pid


def words(pid: int, proc: str | os.PathLike[str] = PROC) -> list[bytes]:
    """Return the arguments of a process; none when it has ended, or its title takes their place."""
    line = read(pid, "cmdline", proc).rstrip(b"\0")
    return line.split(b"\0") if line else []


def arguments(pid: int, proc: str | os.PathLike[str] = PROC) -> str:
    """Return the command line or the title of a process as text; empty when it has ended."""
    return b" ".join(words(pid, proc)).decode(errors="replace").strip()


def variables(pid: int) -> list[bytes]:
    """Return the environment that a process was started with, each ``NAME=VALUE``; nothing when it cannot be read."""
    return [line for line in read(pid, "environ").split(b"\0") if line]


def environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with, by name; nothing when it cannot be read."""
    return dict(os.fsdecode(line).split("=", 1) for line in variables(pid) if b"=" in line)


def works_in(pid: int, folder: str | os.PathLike[str]) -> bool:
    """Tell whether a process has this working folder."""
    try:
        return os.path.samefile(f"{PROC}/{pid}/cwd", folder)
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    found = stat(pid)
    return found is not None and not found.has_ended


def goes_on(pid: int) -> bool:
    """Tell whether a process that was told to stop (SIGSTOP) has a thread that may still do something.

    ``kill`` returns before the signal has arrived: a thread that runs on another processor stops a little later.
    """
    threads = f"{PROC}/{pid}/task"
    states = [stat_fields(read(int(thread), "stat", threads))[:1] for thread in _names(threads)]
    return any(state[0] not in _STILL for state in states if state)


def tree(root: int) -> tuple[int, ...]:
    """Return a process, all below it, and all of the sessions that one of them leads, but for those that have ended."""
    living = {pid: found for pid, found in table().items() if not found.has_ended}
    members = {root} & living.keys()
    while True:
        more = {pid for pid, found in living.items() if found.parent in members or found.session in members}
        if more <= members:
            return tuple(sorted(members))
        members |= more


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def read(pid: int | Literal["self"], file: str, proc: str | os.PathLike[str] = PROC) -> bytes:
    """Return a file of a process; empty when the process is gone or the file may not be read."""
    try:
        with open(f"{os.fspath(proc)}/{pid}/{file}", "rb") as there:
            return there.read()
    except OSError:
        return b""


def _names(folder: str | os.PathLike[str]) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # the process is gone, or this system has no such folder
        return []
