"""Ports on which nothing listens now."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

#: from here on, machines have few services
_LOWEST_PORT = 20_000
_CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> tuple[int, ...]:
    """Find so many different free ports of loopback, of those that the kernel gives to no client meanwhile.

    They lie below its range for clients: a connection that is opened before a server listens takes none of them.
    """
    choice = random.SystemRandom()
    candidates = range(_LOWEST_PORT, max(int(_CLIENT_PORTS.read_text().split()[0]), _LOWEST_PORT + 10_000))
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = choice.choice(candidates)
            if _takes(held.enter_context(socket.socket()), port):
                found.append(port)
    return tuple(found)


def _takes(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
