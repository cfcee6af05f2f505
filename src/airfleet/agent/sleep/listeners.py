"""Ports of components that sleep: the agent listens for them, and whoever connects wakes the component.

The agent keeps the listening socket for as long as it lives, and the component inherits it (socket activation). A
connection that comes before the component accepts waits in the kernel, so no caller is refused.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

#: connections that wait in the kernel until the component accepts them
_BACKLOG = 128


@dataclass
class Listeners:
    """Listening sockets by component; the agent's loop waits for callers of those that sleep."""

    selector: selectors.BaseSelector
    _sockets: dict[str, socket.socket] = field(default_factory=dict)
    _watched: set[str] = field(default_factory=set)
    _called: set[str] = field(default_factory=set)

    def open(self, name: str, place: tuple[str, int] | None) -> bool:
        """Listen for a component; tell whether that is possible."""
        if name in self._sockets:
            return True
        if place is None:
            return False
        try:
            self._sockets[name] = _listen(*place)
        except OSError:
            return False
        return True

    def descriptor(self, name: str) -> int | None:
        """Return the descriptor that the component inherits; None where the agent does not listen for it."""
        found = self._sockets.get(name)
        return found.fileno() if found else None

    def watch(self, name: str) -> None:
        """Wait for callers of a component that sleeps from now on."""
        if name in self._sockets and name not in self._watched:
            self._watched.add(name)
            self.selector.register(self._sockets[name], selectors.EVENT_READ, lambda _: self._call(name))

    def rest(self, name: str) -> None:
        """Leave callers to the component, which runs."""
        if name in self._watched:
            self._watched.discard(name)
            self.selector.unregister(self._sockets[name])

    def called(self) -> Collection[str]:
        """Return the components that somebody called since the last time."""
        called, self._called = self._called, set()
        return called

    def close(self) -> None:
        """Listen no more."""
        for name, listener in self._sockets.items():
            self.rest(name)
            with suppress(OSError):
                listener.close()
        self._sockets.clear()

    def _call(self, name: str) -> None:
        self._called.add(name)
        self.rest(name)


def _listen(address: str, port: int) -> socket.socket:
    """Listen on an address. Raises OSError."""
    family, *_ = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
