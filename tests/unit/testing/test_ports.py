"""Free ports are different ones, on which a server can listen."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from airfleet.testing.ports import free_ports


def test_ports_are_different_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    with ExitStack() as held:
        for port in ports:
            held.enter_context(socket.socket()).bind(("127.0.0.1", port))


def test_no_client_gets_a_free_port_before_its_server_listens() -> None:
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(free_ports(50)) < first_of_clients
