"""Environments and sockets that processes expose are found."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from airfleet.drill.waiting import wait_until
from support.exposed import Listening, first_environment, listening


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_that_listens_is_found_and_one_that_is_only_bound_is_not(
    family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family) as one, socket.socket(family) as other:
        one.bind((address, 0))
        other.bind((address, 0))
        one.listen()
        found = listening([os.getpid()])
        assert Listening(os.getpid(), address, one.getsockname()[1]) in found
        assert other.getsockname()[1] not in {each.port for each in found}


def test_the_first_environment_of_a_process_has_a_variable_in_each_line() -> None:
    with subprocess.Popen(["cat"], env={"ONE": "a", "TWO": "b=c"}, stdin=subprocess.PIPE) as process:
        wait_until(lambda: first_environment(process.pid) == "ONE=a\nTWO=b=c", 10, "it runs")


def test_a_process_that_is_gone_exposes_nothing() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert (listening([ended.pid]), first_environment(ended.pid)) == ((), "")
