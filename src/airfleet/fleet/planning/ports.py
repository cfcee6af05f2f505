"""Free ports on this machine, and the same ones at the next start.

Between choosing a port and listening on it pass seconds, in which another fleet could choose it
too. So each fleet reserves its ports for as long as it lives, with a socket in Linux's abstract
namespace (which belongs to the network namespace, like the ports themselves, and needs no file).
"""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet, Host
from airfleet.fleet.servers import json_file
from airfleet.fleet.servers.secrets import write_private

#: how far above the usual port a free one is looked for
SEARCH_RANGE = 200


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as refused:
            if refused.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def reserve(port: int) -> socket.socket | None:
    """Reserve a port among fleets, until the socket is closed; None when another fleet has the port."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(f"\0airfleet-port-{port}")
    except OSError:
        held.close()
        return None
    return held


def require(port: int, address: str, wanted_by: str) -> int:
    """Check a port that a person asked for, and give it. Raises FleetError when a program listens there."""
    if is_free(port, address):
        return port
    raise FleetError(
        f"port {port} of {address}, which fleet.yaml gives to {wanted_by}, is in use by another program",
        hint=f"choose another port in fleet.yaml, or leave it out to get a free one; "
        f"'ss -ltnp sport = :{port}' names the program",
    )


def given(fleet: Fleet, here: Host) -> Mapping[int, str]:
    """List the ports of this host that fleet.yaml assigns, with their owners: no search for a free one takes them."""
    first, flower, proxy = here.api_server.port, fleet.flower, fleet.proxy
    found = {first + number: api_server(number) for number in range(here.api_server.count)} if first else {}
    if flower and flower.on == here.name:
        found[flower.port] = "flower"
    if proxy and here.name in proxy.on:
        found |= dict.fromkeys((proxy.own_port, *([proxy.plain_port] if proxy.plain_port else [])), "proxy")
    return found


def api_server(number: int) -> str:
    """Name an api-server for the book of ports; they count from 0."""
    return f"api_server_{number + 1}" if number else "api_server"


def candidates(name: str, before: int | None, usual: int, taken: Mapping[int, str]) -> list[int]:
    """List ports for ``name``, the best first: its earlier one, its usual one, and those near it."""
    near = [*([before] if before is not None else []), *range(usual, usual + SEARCH_RANGE)]
    return [port for port in near if taken.get(port, name) == name]


def read_kept(path: Path) -> dict[str, int]:
    """Read the ports of last time, by name. Raises FleetError when the file is damaged."""
    return json_file.read(path, int, "delete it: free ports are looked for again")


class PortBook:
    """The ports of one fleet, written down so that URLs stay the same, and reserved while it lives."""

    def __init__(self, path: Path) -> None:
        """Raises FleetError when the file at ``path`` is damaged."""
        self._path = path
        self._taken: Mapping[int, str] = {}
        self._ports = read_kept(path)
        self._reservations: dict[int, socket.socket] = {}

    def keep_off(self, taken: Mapping[int, str]) -> None:
        """Keep these ports for their owners."""
        self._taken = taken

    def port(self, name: str, usual: int, address: str = "127.0.0.1") -> int:
        """Take the port that ``name`` had before if it is still free, else ``usual`` or the next free one.

        Raises:
            FleetError: every port near ``usual`` is in use.
        """
        for candidate in candidates(name, self._ports.get(name), usual, self._taken):
            if self._take(candidate, address):
                return self._note(name, candidate)
        raise FleetError(f"ports {usual} to {usual + SEARCH_RANGE - 1} of {address} are all in use")

    def fixed(self, name: str, port: int, address: str) -> int:
        """Take ``port`` exactly. Raises FleetError when it is in use."""
        require(port, address, name)
        if not self._take(port, address):
            raise FleetError(f"port {port}, which fleet.yaml gives to {name}, is taken by another fleet that starts")
        return self._note(name, port)

    def close(self) -> None:
        """Give the reservations up."""
        for held in self._reservations.values():
            held.close()
        self._reservations.clear()

    def _take(self, port: int, address: str) -> bool:
        if port in self._reservations or (held := reserve(port)) is None:
            return False
        if not is_free(port, address):
            held.close()
            return False
        self._reservations[port] = held
        return True

    def _note(self, name: str, port: int) -> int:
        self._ports[name] = port
        write_private(self._path, json.dumps(self._ports, indent=1), mode=0o644)
        return port
