"""A server beside hosts that have networks of their own: they reach it until they are cut off; real namespaces."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.agent.host import netns
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.local_hosts import Network
from faultlab.servers.bridge_address import place_beside

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.long]

KNOCK = """\
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.0) as connection:
    sys.exit(connection.recv(10) != b"welcome")
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = netns.make(2, tmp_path)
    yield made
    netns.remove(made)


def knocks(network: Network, host: int, server: socket.socket) -> bool:
    address, port = server.getsockname()
    words = ["ip", "netns", "exec", network.namespace(host), sys.executable, "-c", KNOCK, address, str(port)]
    client = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        taken, _ = server.accept()
    except TimeoutError:
        return client.wait(10) == 0
    with taken:
        taken.sendall(b"welcome")
    return client.wait(10) == 0


def test_hosts_reach_a_server_beside_them_until_they_are_cut_off(network: Network) -> None:
    with place_beside() as address, place_beside() as other, socket.create_server((address, 0)) as server:
        assert other != address
        server.settimeout(3.0)
        assert knocks(network, 1, server)
        netns.cut(network, 1)
        assert not knocks(network, 1, server)
        assert knocks(network, 2, server)
        netns.mend(network, 1)
        # The kernel may tell the bridge a second later that the link is there.
        wait_until(lambda: knocks(network, 1, server), 20, "it is reached again")
    assert address not in netns.ip("addr", "show")
