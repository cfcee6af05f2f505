"""How agents ask one another directly, when the database does not tell: one question and one answer over TCP.

::

    asks     ── nonce, 32 hexadecimal digits, newline ──>  answers
             <── JSON of host, boot and "renews", newline ──
             <── HMAC-SHA256 of nonce and that line, newline ──

The key is one of the fleet's secrets: nobody else can say how a host is, and an old answer answers no new question.
Nothing that is told is worth hiding, and a question changes nothing. Whoever does not answer within a second does not
answer.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from airfleet.agent.deciding import Answer

#: the longest wait for an answer, and for a question, seconds
SECONDS = 1.0
_NONCE_BYTES = 16
_MOST_BYTES = 1024


@dataclass(frozen=True)
class Place:
    """Where the agent of another host answers."""

    host: str
    address: str
    port: int


class Answering:
    """Answers the others from a thread. ``renews`` says whether this agent renews its lease."""

    def __init__(self, address: str, port: int, key: str, host: str, renews: Callable[[], bool]) -> None:
        self._listener = socket.create_server((address, port), family=_family(address))
        self._key = key
        self._host = host
        self._renews = renews

    @property
    def port(self) -> int:
        """The port that it answers on."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._serve, name="peers", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.settimeout(SECONDS)
                self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        with client.makefile("rb") as lines:
            nonce = lines.readline(_MOST_BYTES).strip()
        if len(nonce) != 2 * _NONCE_BYTES:
            return
        said = json.dumps({"host": self._host, "renews": self._renews()}).encode()
        client.sendall(said + b"\n" + _seal(self._key, nonce, said) + b"\n")


def ask(place: Place, key: str, clock: Callable[[], float]) -> Answer | None:
    """What the agent there says of itself; None when it says nothing, or is not who it should be."""
    at, nonce = clock(), os.urandom(_NONCE_BYTES).hex().encode()
    try:
        with socket.create_connection((place.address, place.port), timeout=SECONDS) as connection:
            connection.sendall(nonce + b"\n")
            with connection.makefile("rb") as lines:
                said, seal = (lines.readline(_MOST_BYTES).strip() for _ in range(2))
        if not hmac.compare_digest(_seal(key, nonce, said), seal):
            return None
        found = json.loads(said)
        return Answer(place.host, at, bool(found["renews"])) if found["host"] == place.host else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ask_all(places: Iterable[Place], key: str, clock: Callable[[], float]) -> tuple[Answer, ...]:
    """What those say that answer, all asked at once."""
    wanted = tuple(places)
    if not wanted:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(wanted), 16)) as threads:
        answers = threads.map(lambda place: ask(place, key, clock), wanted)
        return tuple(answer for answer in answers if answer is not None)


def answers(witness: str) -> bool:
    """Whether something takes a connection at ``host:port``."""
    address, _, port = witness.rpartition(":")
    try:
        with socket.create_connection((address.strip("[]"), int(port)), timeout=SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _seal(key: str, nonce: bytes, said: bytes) -> bytes:
    return hmac.new(key.encode(), nonce + said, "sha256").hexdigest().encode()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
