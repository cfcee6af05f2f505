"""Peers: agents ask one another directly when the database does not tell. One question and one answer over TCP.

::

    asks     <── challenge, 32 hexadecimal digits, newline ──────────────────────────  answers
             ── nonce, HMAC-SHA256 of "asks", challenge and nonce, newline ──>
             <── JSON of host and "renews", newline ──
             <── HMAC-SHA256 of "answers", challenge, nonce and that line, newline ──

The key is one of the fleet's secrets: nobody else is told or can tell how a host is, and neither an old question nor an
old answer serves again. A question changes nothing.

Port 8795 is open to a network. A question has one deadline, from the connection to the answer, and a length; a stranger
who opens many connections, or sends a byte now and then, loses his own oldest ones, and keeps nobody else from being
answered.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from airfleet.agent.cluster.quorum import PeerAnswer

#: from the connection to the answer, seconds, for who asks and who answers
EXCHANGE_TIMEOUT_SECONDS = 1.0
#: connections at once; beyond, the network that has most of them loses its oldest
MOST_CLIENTS = 64
#: hexadecimal digits of a challenge or a nonce, and of a seal
_NONCE, _SEAL = 32, 64
#: bytes of what is asked with its newline, and of an answer at most
_QUESTION_BYTES, _ANSWER_BYTES = _NONCE + 1 + _SEAL + 1, 2048
#: seconds before the next try when the machine lets nobody in: it has no descriptor left, say
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class PeerAddress:
    """The address on which the agent of another host answers."""

    host: str
    address: str
    port: int


@dataclass(eq=False)
class _Client:
    """Somebody who is connected, and has not asked yet."""

    connection: socket.socket
    network: str
    until: float
    challenge: bytes
    read: bytearray = field(default_factory=bytearray)


class PeerServer:
    """Answers the others from a thread. ``renews`` says whether this agent renews its lease."""

    def __init__(self, address: str, port: int, key: str, host: str, renews: Callable[[], bool]) -> None:
        self._listener = socket.create_server((address, port), family=_family(address))
        self._listener.setblocking(False)
        self._key = key
        self._host = host
        self._renews = renews
        self._selector = selectors.DefaultSelector()
        #: the oldest first
        self._clients: dict[_Client, None] = {}
        self._thread = threading.Thread(target=self._serve, name="peers", daemon=True)
        self._closed = threading.Event()

    @property
    def port(self) -> int:
        """Return the port that it answers on."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            for key, _ in self._selector.select(self._wait_seconds()):
                if key.data is None:
                    self._accept()
                elif key.data in self._clients:  # not let go for another one a moment ago
                    self._hear(key.data)
            self._let_go_of_the_late()
        for client in list(self._clients):
            self._let_go(client)
        self._selector.close()

    def _wait_seconds(self) -> float | None:
        oldest = next(iter(self._clients), None)
        return None if oldest is None else max(0.0, oldest.until - time.monotonic())

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # gone again
            return
        except OSError:
            self._closed.wait(_PAUSE_SECONDS)
            return
        connection.setblocking(False)
        challenge = os.urandom(_NONCE // 2).hex().encode()
        client = _Client(connection, _network(address[0]), time.monotonic() + EXCHANGE_TIMEOUT_SECONDS, challenge)
        self._clients[client] = None
        self._selector.register(connection, selectors.EVENT_READ, client)
        self._send(client, challenge + b"\n")
        if len(self._clients) > MOST_CLIENTS:
            self._let_go(self._one_too_many())

    def _one_too_many(self) -> _Client:
        counts = Counter(client.network for client in self._clients)
        return max(self._clients, key=lambda client: counts[client.network])  # of equals, the first

    def _hear(self, client: _Client) -> None:
        try:
            read = client.connection.recv(_QUESTION_BYTES)
        except BlockingIOError:
            return
        except OSError:
            read = b""
        client.read += read
        if not read or len(client.read) >= _QUESTION_BYTES:
            self._answer(client)
            self._let_go(client)

    def _answer(self, client: _Client) -> None:
        nonce, _, proof = bytes(client.read).rstrip(b"\n").partition(b" ")
        if len(nonce) != _NONCE or not hmac.compare_digest(proof, _seal(self._key, b"asks", client.challenge, nonce)):
            return
        said = json.dumps({"host": self._host, "renews": self._renews()}).encode()
        seal = _seal(self._key, b"answers", client.challenge, nonce, said)
        self._send(client, said + b"\n" + seal + b"\n")

    def _send(self, client: _Client, line: bytes) -> None:
        with suppress(OSError):  # gone; what is sent always fits into the buffer of a new connection
            client.connection.send(line)

    def _let_go_of_the_late(self) -> None:
        now = time.monotonic()
        for client in [client for client in self._clients if client.until <= now]:
            self._let_go(client)

    def _let_go(self, client: _Client) -> None:
        self._clients.pop(client, None)
        self._selector.unregister(client.connection)
        client.connection.close()


def ask(place: PeerAddress, key: str, clock: Callable[[], float]) -> PeerAnswer | None:
    """Ask an agent whether it renews its lease; None when it says nothing, or is not who it should be."""
    at, until = clock(), time.monotonic() + EXCHANGE_TIMEOUT_SECONDS
    nonce = os.urandom(_NONCE // 2).hex().encode()
    try:
        with socket.create_connection((place.address, place.port), timeout=EXCHANGE_TIMEOUT_SECONDS) as connection:
            (challenge,) = _lines(connection, 1, until)
            if len(challenge) != _NONCE:
                return None
            connection.sendall(nonce + b" " + _seal(key, b"asks", challenge, nonce) + b"\n")
            said, seal = _lines(connection, 2, until)
        if not hmac.compare_digest(_seal(key, b"answers", challenge, nonce, said), seal):
            return None
        found = json.loads(said)
        return PeerAnswer(place.host, at, bool(found["renews"])) if found["host"] == place.host else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lines(connection: socket.socket, count: int, until: float) -> list[bytes]:
    """Read ``count`` lines. Raises OSError or ValueError when they come too late, or are too long."""
    read = bytearray()
    while read.count(b"\n") < count:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        connection.settimeout(left)
        more = connection.recv(_ANSWER_BYTES)
        read += more
        if not more or len(read) > _ANSWER_BYTES:
            raise ValueError("that is no answer")
    return bytes(read).split(b"\n")[:count]


def ask_all(places: Iterable[PeerAddress], key: str, clock: Callable[[], float]) -> tuple[PeerAnswer, ...]:
    """Ask all agents at once; return the answers that came."""
    wanted = tuple(places)
    if not wanted:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(wanted), 16)) as threads:
        answers = threads.map(lambda place: ask(place, key, clock), wanted)
        return tuple(answer for answer in answers if answer is not None)


def answers(witness: str) -> bool:
    """Tell whether something accepts a connection at ``host:port``."""
    address, _, port = witness.rpartition(":")
    try:
        with socket.create_connection((address.strip("[]"), int(port)), timeout=EXCHANGE_TIMEOUT_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _seal(key: str, *parts: bytes) -> bytes:
    return hmac.new(key.encode(), b" ".join(parts), "sha256").hexdigest().encode()


def _network(address: str) -> str:
    """Return the network of a client: its address, or the part of IPv6 that one machine has."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
