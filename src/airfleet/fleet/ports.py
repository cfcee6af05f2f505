"""Free ports on this machine, and the same ones at the next start."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.secrets import write_private

#: how far above the usual port a free one is looked for
SEARCH_RANGE = 200


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as refused:
            if refused.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose(usual: int, address: str = "127.0.0.1", *, taken: frozenset[int] = frozenset()) -> int:
    """``usual``, or the next free port above it. Raises FleetError when all are taken."""
    for port in range(usual, usual + SEARCH_RANGE):
        if port not in taken and is_free(port, address):
            return port
    raise FleetError(f"ports {usual} to {usual + SEARCH_RANGE - 1} of {address} are all in use")


def require(port: int, address: str, wanted_by: str) -> int:
    """``port``, which a person asked for. Raises FleetError when something listens there."""
    if is_free(port, address):
        return port
    raise FleetError(
        f"port {port} of {address}, which fleet.yaml gives to {wanted_by}, is in use by another program",
        hint=f"choose another port in fleet.yaml, or leave it out to get a free one; "
        f"'ss -ltnp sport = :{port}' names the program",
    )


class PortBook:
    """The ports of one fleet, written down so that URLs stay the same from start to start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        self._given: set[int] = set()

    def port(self, name: str, usual: int, address: str = "127.0.0.1") -> int:
        """The port that ``name`` had before when it is still free, else a free one near ``usual``."""
        before = self._ports.get(name)
        if before is not None and before not in self._given and is_free(before, address):
            chosen = before
        else:
            chosen = choose(usual, address, taken=frozenset(self._given))
        return self._give(name, chosen)

    def fixed(self, name: str, port: int, address: str) -> int:
        """``port`` exactly. Raises FleetError when it is in use."""
        return self._give(name, require(port, address, name))

    def _give(self, name: str, port: int) -> int:
        self._given.add(port)
        self._ports[name] = port
        write_private(self._path, json.dumps(self._ports, indent=1), mode=0o644)
        return port
