"""What processes show to others on the machine: arguments, environment, family, listening sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"
#: States of a thread, as proc(5) has them, in which it does nothing once a signal to stop was sent: stopped, traced,
#: waiting to be reaped, dead, or in a call of the kernel that has to end first; "" is one that is gone.
_STILL = ("T", "t", "Z", "X", "D", "")


@dataclass(frozen=True, order=True)
class Listening:
    """A TCP socket that waits for connections."""

    pid: int
    address: str
    port: int


def arguments(pid: int) -> str:
    """The command line of a process; empty when it is gone."""
    return _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def first_environment(pid: int) -> str:
    """The environment that a process was started with, one variable a line; empty when it is gone."""
    return _read(f"/proc/{pid}/environ").replace("\0", "\n")


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    return _state(f"/proc/{pid}") not in ("", "Z")


def goes_on(pid: int) -> bool:
    """Whether a process that was told to stop (SIGSTOP) has a thread that may still do something.

    ``kill`` returns before the signal has arrived: a thread that runs on another processor stops a little later.
    """
    threads = f"/proc/{pid}/task"
    return any(_state(f"{threads}/{thread}") not in _STILL for thread in _names(threads))


def tree(root: int) -> tuple[int, ...]:
    """A process, all below it, and all of the sessions that one of them leads; those that have ended are left out."""
    table = dict(_family())
    found = {root} & table.keys()
    while True:
        more = {pid for pid, (parent, session) in table.items() if parent in found or session in found}
        if more <= found:
            return tuple(sorted(found))
        found |= more


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _family() -> Iterator[tuple[int, tuple[int, int]]]:
    """Parent and session of every process that has not ended."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields[:1] not in ([], ["Z"]):
                yield int(name), (int(fields[1]), int(fields[3]))


def listening(pids: Iterable[int]) -> tuple[Listening, ...]:
    """The TCP sockets on which these processes listen."""
    sockets = dict(_listening_sockets())
    found = {Listening(pid, *sockets[inode]) for pid in pids for inode in _socket_inodes(pid) if inode in sockets}
    return tuple(sorted(found))


def _listening_sockets() -> Iterator[tuple[str, tuple[str, int]]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _read(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, port = fields[1].split(":")
                yield fields[9], (_address(address), int(port, 16))


def _address(written: str) -> str:
    # Each group of four bytes is written as a number in the machine's byte order (little-endian).
    packed = b"".join(bytes.fromhex(written[i : i + 8])[::-1] for i in range(0, len(written), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _socket_inodes(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    for descriptor in _names(folder):
        try:
            target = os.readlink(f"{folder}/{descriptor}")
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # the process is gone
        return []


def _state(folder: str) -> str:
    """The letter of proc(5) for a process or a thread; empty when it is gone."""
    return _read(f"{folder}/stat").rpartition(")")[2].lstrip()[:1]


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode(errors="replace")
    except OSError:
        return ""
