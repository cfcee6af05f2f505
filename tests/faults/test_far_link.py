"""A host that is far away answers late, loses packets and keeps its connections; a real network of namespaces."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.agent.host import netns
from airfleet.fleet.planning.local_hosts import Network
from faultlab.injectors.latency_link import LatencyLink

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.long]

SERVER = """\
import socket, sys
with socket.create_server((sys.argv[1], 4000)) as server:
    print("listens", flush=True)
    taken, _ = server.accept()
    while data := taken.recv(100):
        taken.sendall(data)
"""
#: sends a word for each line that it is told, and says how long the answer took
CLIENT = """\
import socket, sys, time
with socket.create_connection((sys.argv[1], 4000)) as connection:
    for line in sys.stdin:
        began = time.monotonic()
        connection.sendall(line.encode())
        connection.recv(100)
        print(time.monotonic() - began, flush=True)
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = netns.make(2, tmp_path)
    yield made
    netns.remove(made)


def within(network: Network, host: int, script: str) -> subprocess.Popen[str]:
    words = ["ip", "netns", "exec", network.namespace(host), sys.executable, "-c", script, f"{network.prefix}.1"]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answers_after(client: subprocess.Popen[str]) -> float:
    assert client.stdin
    assert client.stdout
    client.stdin.write("word\n")
    client.stdin.flush()
    return float(client.stdout.readline())


def address_of(network: Network) -> str:
    """What hosts know this machine by."""
    (bridge,) = json.loads(netns.ip("-j", "link", "show", network.bridge))
    return str(bridge["address"])


def test_a_host_that_is_far_away_answers_late_and_keeps_its_connections(network: Network) -> None:
    with within(network, 1, SERVER) as server:
        assert server.stdout
        assert server.stdout.readline() == "listens\n"
        with within(network, 2, CLIENT) as client:
            assert answers_after(client) < 0.1
            link, known_as = LatencyLink(network, 2, 0.1, 0.0, random.Random(1)), address_of(network)
            link.begin()
            assert address_of(network) == known_as  # a host that knows another one reaches this machine no more
            answers_after(client)  # the address is looked up anew
            assert 0.2 <= answers_after(client) < 0.3
            link.end()
            answers_after(client)
            assert answers_after(client) < 0.1
    left = {one["ifname"] for one in json.loads(netns.ip("-j", "link"))}
    assert not left & {f"{network.link(2)}n", f"{network.link(2)}f"}


def test_packets_are_lost_and_come_again(network: Network) -> None:
    with within(network, 1, SERVER) as server:
        assert server.stdout
        assert server.stdout.readline() == "listens\n"
        with within(network, 2, CLIENT) as client:
            link = LatencyLink(network, 2, 0.01, 0.2, random.Random(1))
            link.begin()
            took = [answers_after(client) for _ in range(40)]
            link.end()
    assert min(took) < 0.1
    assert max(took) > 0.2  # sent a second time, after the least that TCP waits
