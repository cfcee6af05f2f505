"""Sockets that listen are found, with the processes that have them."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from airfleet.doctor.gathering import listening_sockets
from airfleet.doctor.gathering.listening_sockets import Listening


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_that_listens_is_found_and_one_that_is_only_bound_is_not(
    family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family) as one, socket.socket(family) as other:
        one.bind((address, 0))
        other.bind((address, 0))
        one.listen()
        port, unused = one.getsockname()[1], other.getsockname()[1]
        found = listening_sockets.of_processes([os.getpid()])
        assert Listening(os.getpid(), address, port) in found
        assert unused not in {each.port for each in found}
        assert (address, port) in listening_sockets.addresses()
        assert (address, unused) not in listening_sockets.addresses()


def test_a_process_that_is_gone_listens_nowhere() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert listening_sockets.of_processes([ended.pid]) == ()
