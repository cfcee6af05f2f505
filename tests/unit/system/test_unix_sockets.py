"""Sockets whose paths are longer than the kernel takes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from airfleet.system import unix_sockets


@pytest.mark.parametrize("depth", [0, 12])
def test_a_socket_works_in_a_folder_of_any_depth(tmp_path: Path, depth: int) -> None:
    folder = tmp_path.joinpath(*["a rather-long näme"] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "agent.sock"
    before = len(os.listdir("/proc/self/fd"))
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        unix_sockets.bind(listener, path)
        listener.listen(1)
        unix_sockets.connect(client, path)
        assert path.is_socket()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_is_not_there_is_no_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(FileNotFoundError):
        unix_sockets.connect(client, tmp_path / "none" / "agent.sock")
