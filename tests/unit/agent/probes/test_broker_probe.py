"""The agent's line to Redis and Valkey, with a real server; the one to RabbitMQ is tested where one runs."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from airfleet.agent.probes.broker_line import BrokerRefuses, BrokerTrouble, Line
from airfleet.agent.probes.broker_probe import line_to
from airfleet.agent.probes.redis_line import RedisLine
from airfleet.fleet.servers import brokers
from faultlab.servers.broker_under_test import Valkey
from support.lesser_rights import open_folder


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    """A Valkey."""
    # Each start of pytest closes its own folders to other users.
    with open_folder() as folder, Valkey(folder / "valkey") as server:
        assert isinstance(server, Valkey)
        yield server


def line(url: str) -> Line:
    return line_to(brokers.parse(url))


def test_a_server_that_is_well_takes_a_message_again_and_again_on_one_connection(server: Valkey) -> None:
    asked = line(server.url)
    asked.check()
    asked.check()
    assert asked.well_seconds > 0
    asked.close()
    assert asked.well_seconds == 0


@pytest.mark.parametrize("written", ["redis://:hush@127.0.0.1:{port}/0", "redis://me:hush@127.0.0.1:{port}/0"])
def test_a_wrong_password_is_refused_and_not_repeated(server: Valkey, written: str) -> None:
    with pytest.raises(BrokerRefuses, match=r"^refuses the user or the password$"):
        line(written.format(port=server.port)).check()


def test_a_password_that_is_missing_is_missed(server: Valkey) -> None:
    with pytest.raises(BrokerRefuses, match="wants a password"):
        line(f"redis://127.0.0.1:{server.port}/0").check()


def test_a_server_that_takes_nothing_is_not_well(server: Valkey) -> None:
    asked = line(server.url)
    asked.check()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as admin:
        admin.sendall(f"AUTH {server.password}\r\nCONFIG SET maxmemory 1\r\n".encode())
        assert admin.recv(100).startswith(b"+OK")
        try:
            with pytest.raises(BrokerTrouble, match="takes no messages: OOM"):
                asked.check()
        finally:
            admin.sendall(b"CONFIG SET maxmemory 0\r\n")
            admin.recv(100)
    asked.check()


def test_one_that_hangs_is_given_up_in_time_and_well_for_no_second_when_it_is_back(server: Valkey) -> None:
    asked = line(server.url)
    asked.check()
    server.freeze()
    try:
        with pytest.raises(OSError, match="timed out"):
            asked.check(timeout_seconds=0.3)
        assert asked.well_seconds == 0
    finally:
        server.thaw()
    asked.check()
    assert asked.well_seconds < 5


def test_nobody_there_is_said_with_the_address() -> None:
    with pytest.raises(OSError, match=r"^127\.0\.0\.1:1 cannot be reached: connection refused$"):
        line("redis://127.0.0.1:1/0").check()
    with pytest.raises(OSError, match=r"^127\.0\.0\.1:2 cannot be reached: connection refused$"):
        line("amqp://127.0.0.1:1,127.0.0.1:2/x").check()


def test_sentinels_are_asked_where_the_server_is(server: Valkey) -> None:
    with sentinel(server.port) as port:
        asked = line(f"sentinel://:{server.password}@127.0.0.1:1,127.0.0.1:{port}/0?master=shop")
        asked.check()
        with pytest.raises(BrokerTrouble, match="know no server named 'other'"):
            line(f"sentinel://:{server.password}@127.0.0.1:{port}/0?master=other").check()


def test_a_server_says_what_it_is_and_how_it_is_set(server: Valkey) -> None:
    asked = line(server.url)
    told = asked.information()
    assert (told["program"], told["maxmemory_policy"], told["role"]) == ("valkey", "noeviction", "master")
    assert told["version"] == told["valkey_version"]
    asked.close()


def test_the_first_message_of_a_queue_is_looked_at_and_stays_there(server: Valkey) -> None:
    asked = RedisLine(brokers.parse(server.url), time.monotonic)
    assert asked.first_message("nothing-is-here") is None
    with socket.create_connection(("127.0.0.1", brokers.parse(server.url).servers[0][1])) as other:
        other.sendall(f"AUTH {server.password}\r\nSELECT 0\r\nRPUSH here one two\r\n".encode())
        while b":2" not in other.recv(1000):
            pass
    assert [asked.first_message("here"), asked.first_message("here")] == ["one", "one"]
    asked.close()


def test_a_server_of_another_kind_is_found_out() -> None:
    with answering(lambda _: b"AMQP\x00\x01\x00\x00") as port, pytest.raises(BrokerTrouble, match="not speak AMQP"):
        line(f"amqp://127.0.0.1:{port}").check()


def method(channel: int, number: tuple[int, int], arguments: bytes = b"") -> bytes:
    """A frame of AMQP 0-9-1 with a method."""
    payload = struct.pack(">HH", *number) + arguments
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


def blocked(asked: bytes) -> bytes:
    """What a RabbitMQ says that takes connections, and no messages, as it has little memory left."""
    said = {
        b"AMQP": method(0, (10, 10)),
        struct.pack(">HH", 10, 11): method(0, (10, 30), struct.pack(">HIH", 0, 131072, 0)),
        struct.pack(">HH", 10, 40): method(0, (10, 41)),
        struct.pack(">HH", 20, 10): method(1, (20, 11)),
        struct.pack(">HH", 50, 10): method(1, (50, 11), b"\x05probe" + bytes(8)),
        struct.pack(">HH", 60, 40): method(0, (10, 60), b"\x0dlow on memory"),
    }
    return b"".join(answer for beginning, answer in said.items() if beginning in asked)


def test_a_rabbitmq_that_is_low_on_memory_is_not_well() -> None:
    with answering(blocked) as port, pytest.raises(BrokerTrouble, match=r"^takes no messages: low on memory$"):
        line(f"amqp://me:hush@127.0.0.1:{port}/").check()


def properties(*entries: bytes) -> bytes:
    """The arguments with which a RabbitMQ begins: its version of AMQP, and a table."""
    table = b"".join(entries)
    return b"\x00\x09" + struct.pack(">I", len(table)) + table


def text(name: str, value: str, kind: bytes = b"S") -> bytes:
    return bytes([len(name)]) + name.encode() + kind + struct.pack(">I", len(value)) + value.encode()


@pytest.mark.parametrize(
    ("begins", "told"),
    [
        (properties(text("capabilities", "xx", b"F"), b"\x02upt\x01", text("product", "RabbitMQ"),
                    text("version", "4.1.0")), ("RabbitMQ", "4.1.0")),
        (properties(text("product", "RabbitMQ"), b"\x01ll12345678", text("version", "4.1.0")), ("RabbitMQ", "")),
        (properties(text("product", "RabbitMQ"))[:-3], ("RabbitMQ"[:-3], "")),
        (b"", ("", "")),
    ],
)  # fmt: skip
def test_a_rabbitmq_says_its_version_when_a_connection_begins(begins: bytes, told: tuple[str, str]) -> None:
    def answer(asked: bytes) -> bytes:
        return method(0, (10, 10), begins) if asked.startswith(b"AMQP") else blocked(asked)

    with answering(answer) as port:
        found = line(f"amqp://me:hush@127.0.0.1:{port}/").information()
    assert (found["program"], found["version"]) == told


class answering:  # noqa: N801 - it is used like a function
    """A server that answers whatever it is sent with what ``answer`` makes of it; its port."""

    def __init__(self, answer: object) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(ConnectionResetError):
                while asked := connection.recv(1000):
                    connection.sendall(self._answer(asked))  # type: ignore[operator]


def sentinel(port: int) -> answering:
    """A sentinel that knows one server by the name ``shop``."""
    known = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port)
    return answering(lambda asked: known if b"shop" in asked else b"*-1\r\n")
