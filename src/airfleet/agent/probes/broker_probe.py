"""The broker probe: a connection, kept open, over which the broker has to take a message and give it back.

Redis and Valkey are asked to store a key that lives for seconds; sentinels are asked first where that server is.
RabbitMQ gets a message for a queue of this connection's own, and has to hand it back. That is more than an answer to a
ping: a server without memory or disk for one message more, or a replica that takes no writes, is of no use to a fleet.

Standard library only: the agent that asks stays small. A line that fails is closed; the next question opens another.
No error repeats a password.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import IO

from airfleet.fleet.servers.brokers import Broker, BrokerTls

TIMEOUT_SECONDS = 5.0


class BrokerTrouble(OSError):
    """The broker answers, and says what is wrong."""


class BrokerRefuses(BrokerTrouble):
    """It does not let us in: waiting does not help."""


def line_to(broker: Broker, clock: Callable[[], float] = time.monotonic) -> Line:
    """Make the line for a kind of broker; it connects when first used."""
    return AmqpLine(broker, clock) if broker.kind == "amqp" else RedisLine(broker, clock)


class Line(ABC):
    """The base of all lines; any thread may ask."""

    def __init__(self, broker: Broker, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._clock = clock
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._deadline = 0.0
        self._well_since: float | None = None

    def check(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Give the broker a message and get it back. Raises OSError, BrokerTrouble among them."""
        with self._lock:
            self._deadline = self._clock() + timeout_seconds
            try:
                if self._socket is None:
                    self._well_since = None
                    self._connect()
                self._exchange()
            except BaseException:
                self._close()
                raise
            if self._well_since is None:
                self._well_since = self._clock()

    @property
    def well_seconds(self) -> float:
        """Return the seconds for which it has been well on one connection; 0 when it is not."""
        since = self._well_since
        return self._clock() - since if since is not None else 0.0

    def close(self) -> None:
        """Give the connection up; a question that is still open is left alone."""
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    @abstractmethod
    def _connect(self) -> None:
        """Open the connection and get in."""

    @abstractmethod
    def _exchange(self) -> None:
        """Give it something, and get it back."""

    def _close(self) -> None:
        self._well_since = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _reach(self, step: Callable[[str, int], None]) -> None:
        """Do ``step`` with the first server with which it succeeds. Raises what the last one said.

        One that is silent leaves the others their share of the time.
        """
        servers, deadline = self._broker.servers, self._deadline
        for number, (host, port) in enumerate(servers, start=1):
            now = self._clock()
            self._deadline = now + (deadline - now) / (len(servers) - number + 1)
            try:
                step(host, port)
                self._deadline = deadline
                return
            except OSError as error:
                self._close()
                if number == len(servers):
                    if isinstance(error, BrokerTrouble):
                        raise
                    raise OSError(f"{host}:{port} cannot be reached: {_plain(error)}") from None

    def _open(self, host: str, port: int) -> None:
        plain = socket.create_connection((host, port), timeout=self._left())
        tls = self._broker.tls
        self._socket = plain if tls is None else _secured(plain, host, tls)

    def _left(self) -> float:
        return max(0.01, self._deadline - self._clock())

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.settimeout(self._left())
        self._socket.sendall(data)


class RedisLine(Line):
    """To Redis, Valkey, or the one of them that sentinels name."""

    _reader: IO[bytes]

    def _connect(self) -> None:
        if self._broker.kind == "sentinel":
            self._reach(self._by_sentinel)
        else:
            self._reach(self._enter)

    def _by_sentinel(self, host: str, port: int) -> None:
        self._open(host, port)
        self._listen()
        if self._broker.sentinel_password:
            self._authenticate("", self._broker.sentinel_password)
        found = self._ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._broker.master)
        self._close()
        if not isinstance(found, list) or len(found) != 2:
            raise BrokerTrouble(f"the sentinels know no server named '{self._broker.master}'")
        self._enter(str(found[0]), int(str(found[1])))

    def _enter(self, host: str, port: int) -> None:
        self._open(host, port)
        self._listen()
        if self._broker.password:
            self._authenticate(self._broker.user, self._broker.password)
        self._ask("SELECT", self._broker.path or "0")

    def _listen(self) -> None:
        assert self._socket is not None
        self._reader = self._socket.makefile("rb")

    def _close(self) -> None:
        if self._socket is not None and hasattr(self, "_reader"):
            self._reader.close()
        super()._close()

    def _authenticate(self, user: str, password: str) -> None:
        try:
            self._ask("AUTH", *([user] if user else []), password)
        except BrokerTrouble as refused:
            if str(refused).startswith("ERR") and "without any password" in str(refused):
                return  # it wants none
            raise BrokerRefuses("refuses the user or the password") from None

    def _exchange(self) -> None:
        try:
            self._ask("SET", f"airfleet.probe.{socket.gethostname()}.{os.getpid()}", "1", "PX", "10000")
        except BrokerTrouble as refused:
            # A user with few rights may not have this one, and all that tasks need.
            if not str(refused).startswith("NOPERM"):
                raise BrokerTrouble(f"takes no messages: {refused}") from None

    def _ask(self, *words: str) -> object:
        parts = [word.encode() for word in words]
        command = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._send(b"*%d\r\n" % len(parts) + command)
        return self._answer()

    def _answer(self) -> object:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("it closed the connection")
        kind, text = line[:1], line[1:-2].decode(errors="replace")
        if kind == b"-" and text.startswith("NOAUTH"):
            raise BrokerRefuses("wants a password, and fleet.yaml has none")
        if kind == b"-":
            raise BrokerTrouble(text)
        if kind == b"*":
            return [self._answer() for _ in range(int(text))] if text != "-1" else None
        if kind == b"$":
            return self._reader.read(int(text) + 2)[:-2].decode(errors="replace") if text != "-1" else None
        return text


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

    def _connect(self) -> None:
        self._reach(self._enter)

    def _enter(self, host: str, port: int) -> None:
        self._open(host, port)
        self._send(b"AMQP\x00\x00\x09\x01")
        self._expect(_START)
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


def _about_us() -> bytes:
    """Make the table by which RabbitMQ names this connection to people, and knows that we understand a refusal."""
    able = b"".join(_short(name) + b"t\x01" for name in ("authentication_failure_close", "connection.blocked"))
    return _long(_short("product") + b"S" + _long(b"airfleet agent") + _short("capabilities") + b"F" + _long(able))


_ABOUT_US = _about_us()


def _secured(plain: socket.socket, host: str, tls: BrokerTls) -> socket.socket:
    import ssl  # costs the agent memory, which a broker without TLS does not need

    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key)
    except OSError as unfit:
        files = ", ".join(file for file in (tls.ca, tls.cert, tls.key) if file)
        raise BrokerTrouble(f"is not asked, as {files} cannot be used for TLS: {_plain(unfit)}") from None
    return context.wrap_socket(plain, server_hostname=host)


def _plain(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    # Of TLS, whose module is not imported for this.
    if reason := getattr(error, "reason", None):
        doubt = getattr(error, "verify_message", "")
        return str(reason).replace("_", " ").lower() + (f": {doubt}" if doubt else "")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
