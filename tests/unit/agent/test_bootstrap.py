"""What keeps an agent from starting on this machine."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from airfleet.agent import bootstrap
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import API_PORT, Fleet, Flower
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.ports import PortBook
from airfleet.fleet.servers.secrets import generate
from airfleet.system import unix_sockets


def test_what_looks_for_a_port_keeps_off_those_that_fleet_yaml_gives_away(tmp_path: Path) -> None:
    servers = {"database": "postgresql://db/a", "broker": "redis://queue/0"}
    fleet = Fleet("shop", str(tmp_path), flower=Flower(on="local", port=API_PORT), **servers)
    book = PortBook(tmp_path / "ports.json")
    with closing(book):
        found = bootstrap._context(fleet, fleet.hosts[0], Paths(tmp_path, tmp_path), book, generate(), together=False)
    assert found.ports.api_servers[0] != API_PORT


def test_a_disk_without_room_is_named_with_what_is_needed() -> None:
    with pytest.raises(FleetError) as refused:
        bootstrap.require_room(Path("/srv/home"), free_bytes=5 * 2**20 + 17)
    assert refused.value.sentence == "the disk of /srv/home has 5 MB left; a fleet needs 300 MB to start"
    assert refused.value.hint == "make room, or name another place with AIRFLEET_HOME"
    bootstrap.require_room(Path("/srv/home"), free_bytes=bootstrap.NEEDED_BYTES)


def test_a_socket_that_a_killed_agent_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    bootstrap.listen(path).close()
    with bootstrap.listen(path), socket.socket(socket.AF_UNIX) as client:
        unix_sockets.connect(client, path)
