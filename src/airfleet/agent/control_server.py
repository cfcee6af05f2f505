"""The agent's side of :mod:`airfleet.agent.control`: takes requests, and tells watchers of every change."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from airfleet.agent import status
from airfleet.agent.control import Snapshot

#: nobody waits longer for tasks to end: a year
_LONGEST_SECONDS = 366 * 86_400


class Commands(Protocol):
    """The requests that an agent takes."""

    def snapshot(self) -> Snapshot:
        """Return the fleet now."""

    def stop(self, force: bool = False, drain_seconds: float | None = None) -> None:
        """Begin to end everything; running tasks may take so long."""

    def restart(self, name: str) -> None:
        """End one component, so that it is started again."""

    def order(self, host: str, orders: Mapping[str, Any]) -> None:
        """Override settings of a host; an empty name is this one."""

    def bury(self, host: str) -> None:
        """Take over a host whose machine is off, as a person says."""


class ControlServer:
    """Serves one agent's socket from the agent's own loop."""

    def __init__(self, listener: socket.socket, selector: selectors.BaseSelector, agent: Commands) -> None:
        self._selector = selector
        self._agent = agent
        self._watchers: set[socket.socket] = set()
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ, self._accept)

    def tell_watchers(self) -> None:
        """Send everyone who watches the fleet as it is now."""
        if self._watchers:
            line = _line(self._agent.snapshot())
            for watcher in list(self._watchers):
                self._send(watcher, line)

    def close(self) -> None:
        """Hang up on everyone."""
        for watcher in list(self._watchers):
            self._hang_up(watcher)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = listener.accept()
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ, self._requested)

    def _requested(self, client: socket.socket) -> None:
        request = _request(client)
        match request.get("do"):
            case "status":
                self._answer(client, with_memory=bool(request.get("memory")))
                return
            case "watch":
                pass
            case "stop":
                self._agent.stop(bool(request.get("force")), _seconds(request.get("seconds")))
            case "restart":
                self._agent.restart(str(request.get("name")))
            case "order":
                orders = request.get("orders")
                self._agent.order(str(request.get("host") or ""), orders if isinstance(orders, dict) else {})
            case "bury":
                self._agent.bury(str(request.get("host")))
            case _:  # nonsense, or the client has gone
                self._hang_up(client)
                return
        self._watchers.add(client)
        self._send(client, _line(self._agent.snapshot()))

    def _answer(self, client: socket.socket, with_memory: bool) -> None:
        """Tell one client how the fleet is, and hang up."""
        self._selector.unregister(client)
        # Seen here, in the loop: a thread would see components between their death and what is made of it.
        now = self._agent.snapshot()
        # Reading the memory of a large fleet takes a while, and so may the client: not in the loop.
        threading.Thread(target=_tell, args=(client, now, with_memory), daemon=True).start()

    def _send(self, client: socket.socket, line: bytes) -> None:
        try:
            client.sendall(line)
        except OSError:  # gone, or too slow to follow
            self._hang_up(client)

    def _hang_up(self, client: socket.socket) -> None:
        self._watchers.discard(client)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()


def _tell(client: socket.socket, now: Snapshot, with_memory: bool) -> None:
    with client, contextlib.suppress(OSError):
        client.setblocking(True)
        client.sendall(_line(status.with_memory(now) if with_memory else now))


def _request(client: socket.socket) -> Mapping[str, Any]:
    try:
        request = json.loads(client.recv(4096) or b"null")
    except (OSError, ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def _seconds(said: Any) -> float | None:
    """Read a duration in seconds; None for a value that is none."""
    is_time = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= _LONGEST_SECONDS
    return float(said) if is_time else None


def _line(snapshot: Snapshot) -> bytes:
    return json.dumps(snapshot.to_json()).encode() + b"\n"
