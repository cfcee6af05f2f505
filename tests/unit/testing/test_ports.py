"""Free ports are different ones, on which a server can listen."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from airfleet.testing.ports import beside_clients, free_ports


def test_ports_are_different_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    with ExitStack() as held:
        for port in ports:
            held.enter_context(socket.socket()).bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        (range(32768, 61000), [*range(20_000, 32768), *range(61000, 65536)]),
        (range(1024, 40_000), [*range(40_000, 65536)]),
        (range(1024, 65536), [*range(20_000, 65536)]),
    ],
    ids=["as Linux has it", "many clients", "only clients"],
)
def test_servers_get_no_port_that_a_client_may_take(clients: range, expected: list[int]) -> None:
    assert [*beside_clients(clients)] == expected
