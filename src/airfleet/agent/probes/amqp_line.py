"""The line to RabbitMQ: as much of AMQP 0-9-1 as one message there and back needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

from airfleet.agent.probes.broker_line import BrokerRefuses, BrokerTrouble, Line

_METHOD, _HEADER, _BODY, _HEARTBEAT, _END = 1, 2, 3, 8, 0xCE
#: class and method: what RabbitMQ says and is told
_START, _START_OK, _TUNE, _TUNE_OK = (10, 10), (10, 11), (10, 30), (10, 31)
_OPEN, _OPEN_OK, _CLOSED, _BLOCKED = (10, 40), (10, 41), (10, 50), (10, 60)
_CHANNEL_OPEN, _CHANNEL_OPEN_OK, _CHANNEL_CLOSED = (20, 10), (20, 11), (20, 40)
_DECLARE, _DECLARE_OK = (50, 10), (50, 11)
_PUBLISH, _GET, _GET_OK, _GET_EMPTY = (60, 40), (60, 70), (60, 71), (60, 72)
_EXCLUSIVE_AUTO_DELETE = 0b01100
_ACCESS_REFUSED, _NOT_ALLOWED = 403, 530


class AmqpLine(Line):
    """To RabbitMQ, by AMQP 0-9-1."""

    _queue = ""
    _about_it: dict[str, str]

    def _connect(self) -> None:
        self._reach(self._enter)

    def _enter(self, host: str, port: int) -> None:
        self._open(host, port)
        self._send(b"AMQP\x00\x00\x09\x01")
        self._about_it = _texts(self._expect(_START)[2:])
        user, password = self._broker.user or "guest", self._broker.password or "guest"
        response = f"\0{user}\0{password}".encode()
        self._say(0, _START_OK, _ABOUT_US + _short("PLAIN") + _long(response) + _short("en_US"))
        tuned = self._expect(_TUNE)
        channels, frame = struct.unpack(">HI", tuned[:6])
        # No heartbeats: whoever keeps this line asks often enough.
        self._say(0, _TUNE_OK, struct.pack(">HIH", channels, frame, 0))
        self._say(0, _OPEN, _short(self._broker.path) + _short("") + b"\x00")
        self._expect(_OPEN_OK)
        self._say(1, _CHANNEL_OPEN, _short(""))
        self._expect(_CHANNEL_OPEN_OK)
        self._say(1, _DECLARE, struct.pack(">H", 0) + _short("") + bytes([_EXCLUSIVE_AUTO_DELETE]) + _long(b""))
        declared = self._expect(_DECLARE_OK)
        self._queue = declared[1 : 1 + declared[0]].decode()

    def _exchange(self) -> None:
        body = b"?"
        self._say(1, _PUBLISH, struct.pack(">H", 0) + _short("") + _short(self._queue) + b"\x00")
        self._frame(_HEADER, 1, struct.pack(">HHQH", 60, 0, len(body), 0))
        self._frame(_BODY, 1, body)
        self._say(1, _GET, struct.pack(">H", 0) + _short(self._queue) + b"\x01")
        self._expect(_GET_OK, _GET_EMPTY)

    def _information(self) -> dict[str, str]:
        found = self._about_it
        return {**found, "program": found.get("product", ""), "version": found.get("version", "")}

    def _say(self, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        self._frame(_METHOD, channel, struct.pack(">HH", *method) + arguments)

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        self._send(struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([_END]))

    def _expect(self, *wanted: tuple[int, int]) -> bytes:
        """Return the arguments of the next method that is one of these. Raises BrokerTrouble for a refusal."""
        while True:
            kind, payload = self._next_frame()
            if kind != _METHOD:
                continue  # a heartbeat, or what is left of the message that we gave it
            method = struct.unpack(">HH", payload[:4])
            if method in wanted:
                return payload[4:]
            if method in (_CLOSED, _CHANNEL_CLOSED):
                raise self._refusal(payload[4:], of_user=method == _CLOSED)
            if method == _BLOCKED:
                raise BrokerTrouble(f"takes no messages: {payload[5 : 5 + payload[4]].decode(errors='replace')}")

    def _refusal(self, arguments: bytes, of_user: bool) -> BrokerTrouble:
        code = struct.unpack(">H", arguments[:2])[0]
        said = arguments[3 : 3 + arguments[2]].decode(errors="replace")
        if code == _ACCESS_REFUSED and of_user:
            return BrokerRefuses("refuses the user or the password")
        if code == _NOT_ALLOWED:
            return BrokerRefuses(f"does not let this user into the virtual host '{self._broker.path}'")
        return BrokerTrouble(f"says: {said}")

    def _next_frame(self) -> tuple[int, bytes]:
        head = self._read(7)
        if head.startswith(b"AMQP"):
            raise BrokerTrouble("does not speak AMQP 0-9-1")
        kind, _, size = struct.unpack(">BHI", head)
        payload = self._read(size + 1)
        if payload[-1] != _END:
            raise BrokerTrouble("does not speak AMQP 0-9-1")
        return kind, payload[:-1]

    def _read(self, size: int) -> bytes:
        assert self._socket is not None
        parts = b""
        while len(parts) < size:
            self._socket.settimeout(self._left())
            part = self._socket.recv(size - len(parts))
            if not part:
                raise OSError("it closed the connection")
            parts += part
        return parts


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


def _long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _texts(table: bytes) -> dict[str, str]:
    """Return the texts of a table of AMQP, up to the first value of another kind; nothing of one that is cut off."""
    found: dict[str, str] = {}
    with suppress(struct.error, IndexError):
        found.update(_entries(table))
    return found


def _entries(table: bytes) -> Iterator[tuple[str, str]]:
    at, end = 4, 4 + struct.unpack(">I", table[:4])[0]
    while at < end:
        name, at = table[at + 1 : at + 1 + table[at]].decode(errors="replace"), at + 1 + table[at]
        kind, at = table[at : at + 1], at + 1
        if kind == b"t":  # a truth value
            at += 1
            continue
        if kind not in (b"S", b"F"):  # neither a text nor a table
            return
        size = struct.unpack(">I", table[at : at + 4])[0]
        if kind == b"S":
            yield name, table[at + 4 : at + 4 + size].decode(errors="replace")
        at += 4 + size


def _about_us() -> bytes:
    """Make the table by which RabbitMQ names this connection to people, and knows that we understand a refusal."""
    able = b"".join(_short(name) + b"t\x01" for name in ("authentication_failure_close", "connection.blocked"))
    return _long(_short("product") + b"S" + _long(b"airfleet agent") + _short("capabilities") + b"F" + _long(able))


_ABOUT_US = _about_us()
