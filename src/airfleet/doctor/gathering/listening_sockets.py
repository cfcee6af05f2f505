"""TCP sockets that listen on this machine, and the processes that have them.

A socket is known by its inode: ``/proc/net/tcp`` has its address, and ``/proc/PID/fd`` its owners. Processes of other
users show their sockets to root alone, so a socket may be without an owner.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"
#: addresses that stand for all addresses of a machine
EVERYWHERE = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, order=True)
class Listening:
    """A TCP socket that waits for connections."""

    pid: int
    address: str
    port: int


def of_processes(pids: Iterable[int]) -> tuple[Listening, ...]:
    """Return the TCP sockets on which these processes listen."""
    sockets = dict(_sockets())
    found = {Listening(pid, *sockets[inode]) for pid in pids for inode in _inodes(pid) if inode in sockets}
    return tuple(sorted(found))


def addresses() -> frozenset[tuple[str, int]]:
    """Return the address and port of each TCP socket that listens, whoever has it."""
    return frozenset(place for _, place in _sockets())


def _sockets() -> Iterator[tuple[str, tuple[str, int]]]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTENING:
                address, port = fields[1].split(":")
                yield fields[9], (_address(address), int(port, 16))


def _address(written: str) -> str:
    # Each group of four bytes is written as a number in the machine's byte order (little-endian).
    packed = b"".join(bytes.fromhex(written[i : i + 8])[::-1] for i in range(0, len(written), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _inodes(pid: int) -> Iterator[str]:
    try:
        descriptors = list(os.scandir(f"/proc/{pid}/fd"))
    except OSError:
        return
    for descriptor in descriptors:
        try:
            target = os.readlink(descriptor.path)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]
