"""The base of lines to brokers: one kept connection, with a deadline for each question.

Standard library only: the agent that asks stays small. A line that fails is closed; the next question opens another.
No error repeats a password.
"""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from airfleet.fleet.servers.brokers import Broker, BrokerTls

TIMEOUT_SECONDS = 5.0


class BrokerTrouble(OSError):
    """The broker answers, and says what is wrong."""


class BrokerRefuses(BrokerTrouble):
    """It does not let us in: waiting does not help."""


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

    def information(self, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, str]:
        """Ask the broker what it is, and how: its program, its version, its settings. Raises OSError."""
        with self._lock:
            self._deadline = self._clock() + timeout_seconds
            if self._socket is None:
                self._connect()
            return self._information()

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

    @abstractmethod
    def _information(self) -> dict[str, str]:
        """Return what it says of itself; ``program`` and ``version`` among it, where it says them."""

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
