"""What processes show to others on the machine: arguments, environment, listening sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"


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
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] not in ([], ["Z"])


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
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return
    for descriptor in descriptors:
        try:
            target = os.readlink(f"{folder}/{descriptor}")
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode(errors="replace")
    except OSError:
        return ""
