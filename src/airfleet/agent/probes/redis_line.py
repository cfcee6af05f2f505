"""The line to Redis or Valkey, perhaps one that sentinels name."""

from __future__ import annotations

import os
import socket
from typing import IO

from airfleet.agent.probes.broker_line import TIMEOUT_SECONDS, BrokerRefuses, BrokerTrouble, Line


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

    def first_message(self, queue: str, timeout_seconds: float = TIMEOUT_SECONDS) -> str | None:
        """Look at the first message of a queue and leave it there; None where none waits. Raises OSError."""
        with self._lock:
            self._deadline = self._clock() + timeout_seconds
            if self._socket is None:
                self._connect()
            found = self._ask("LRANGE", queue, "0", "0")
        return str(found[0]) if isinstance(found, list) and found else None

    def _information(self) -> dict[str, str]:
        try:
            lines = str(self._ask("INFO")).splitlines()
        except BrokerTrouble as refused:
            if str(refused).startswith("NOPERM"):
                return {}
            raise
        found = dict(line.split(":", 1) for line in lines if ":" in line)
        is_valkey = "valkey_version" in found
        named = {"program": "valkey", "version": found["valkey_version"]} if is_valkey else {"program": "redis"}
        return {"version": found.get("redis_version", ""), **found, **named}

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
