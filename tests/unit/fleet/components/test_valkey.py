"""The configuration of the embedded Valkey, for folders of any name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.agent.servers import embedded_servers
from airfleet.drill.waiting import wait_until
from airfleet.fleet.components import valkey
from airfleet.fleet.planning.paths import Paths
from airfleet.testing.ports import free_ports


@pytest.mark.parametrize("name", ["plain", 'мой проект & "x" 100% %(y)s', "back\\slash 'and' quotes", "new\nline"])
def test_the_server_takes_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    server = embedded_servers.prepare(Paths(tmp_path, tmp_path), euid=1000, database=None).valkey_server
    (port,) = free_ports(1)
    with subprocess.Popen([server, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        running.stdin.write(valkey.configuration(folder, port, "a-password"))
        running.stdin.close()
        try:
            wait_until((folder / "appendonlydir").exists, 20, "it writes there")
        finally:
            running.terminate()
