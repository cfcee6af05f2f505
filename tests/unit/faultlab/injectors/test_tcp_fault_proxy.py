"""What passes the door of :mod:`faultlab.injectors.tcp_fault_proxy`, and what does not."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from faultlab.injectors.tcp_fault_proxy import TcpFaultProxy


class Echo(socketserver.BaseRequestHandler):
    """Says again what it hears."""

    def handle(self) -> None:
        while heard := self.request.recv(100):
            self.request.sendall(heard)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def gate() -> Iterator[TcpFaultProxy]:
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with TcpFaultProxy(("127.0.0.1", server.server_address[1])) as gate:
                yield gate
        finally:
            server.shutdown()
            thread.join()


def connect(gate: TcpFaultProxy) -> socket.socket:
    client = socket.create_connection(gate.address, timeout=5)
    client.settimeout(5)
    return client


def says(client: socket.socket, word: bytes) -> bytes:
    client.sendall(word)
    return client.recv(100)


def test_an_open_gate_passes_both_ways_and_the_end(gate: TcpFaultProxy) -> None:
    with connect(gate) as client:
        assert says(client, b"one") == b"one"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_a_gate_that_refuses_breaks_connections_and_takes_none(gate: TcpFaultProxy) -> None:
    with connect(gate) as client:
        assert says(client, b"one") == b"one"
        gate.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    with pytest.raises(ConnectionRefusedError):
        connect(gate)
    gate.open()
    with connect(gate) as client:
        assert says(client, b"two") == b"two"


def test_a_gate_that_hangs_keeps_connections_and_says_nothing_until_it_opens(gate: TcpFaultProxy) -> None:
    with connect(gate) as old:
        assert says(old, b"one") == b"one"
        gate.hang()
        with connect(gate) as new:
            for client in (old, new):
                client.sendall(b"two")
                client.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    client.recv(100)
                client.settimeout(5)
            gate.open()
            assert old.recv(100) == b"two"
            assert new.recv(100) == b"two"


def test_nobody_behind_the_gate_is_a_connection_that_ends() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = probe.getsockname()
    with TcpFaultProxy(nowhere) as gate, pytest.raises(ConnectionResetError), connect(gate) as client:
        client.recv(100)
