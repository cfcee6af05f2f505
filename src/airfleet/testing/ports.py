"""Ports on which nothing listens now."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

#: from here on, machines have few services
_LOWEST_PORT, _HIGHEST_PORT = 20_000, 65_535
_CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> tuple[int, ...]:
    """Find so many different free ports of loopback, of those that the kernel gives to no client meanwhile."""
    first, last = map(int, _CLIENT_PORTS.read_text().split())
    candidates = beside_clients(range(first, last + 1))
    choice = random.SystemRandom()
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = choice.choice(candidates)
            if _takes(held.enter_context(socket.socket()), port):
                found.append(port)
    return tuple(found)


def beside_clients(clients: range) -> Sequence[int]:
    """List the ports for servers: a connection that is opened before a server listens takes none of them.

    Of a machine that leaves clients all ports, all are listed.
    """
    usable = range(_LOWEST_PORT, _HIGHEST_PORT + 1)
    return [port for port in usable if port not in clients] or usable


def _takes(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
