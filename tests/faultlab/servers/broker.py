"""The broker of a system under test, and the Valkey of its embedded servers as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from airfleet.testing.servers import BROKER_SERVER, Servers


class Broker(Protocol):
    """A broker that a fault can hurt; its port and password survive everything."""

    @property
    def url(self) -> str:
        """Give the value for ``broker:`` of fleet.yaml."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def kill(self) -> None:
        """End it by SIGKILL; its data stay as they were on disk."""

    def freeze(self) -> None:
        """Stop it: connections stay, nothing is answered."""

    def thaw(self) -> None:
        """Continue it."""

    def wipe(self) -> None:
        """Start it without the data that it held."""

    def end(self) -> None:
        """End it, in whatever state it is, with all processes that it started."""


#: makes a broker whose data lie in a folder, and that listens on an address
MakeBroker: TypeAlias = Callable[[Path, str], Broker]


@dataclass(frozen=True)
class EmbeddedBroker:
    """The Valkey of a system's servers."""

    servers: Servers

    @property
    def url(self) -> str:
        """Give its URL, with the password."""
        return self.servers.broker()

    def start(self) -> None:
        """Start it again after a crash."""
        self.servers.start_again(BROKER_SERVER)

    def kill(self) -> None:
        """Crash it."""
        self.servers.crash(BROKER_SERVER)

    def freeze(self) -> None:
        """Pause it."""
        self.servers.pause(BROKER_SERVER)

    def thaw(self) -> None:
        """Resume it."""
        self.servers.resume(BROKER_SERVER)

    def wipe(self) -> None:
        """Start it empty."""
        self.servers.wipe_broker()

    def end(self) -> None:
        """Leave it to its servers, which end it."""


def password_of(broker: Broker | None) -> tuple[str, ...]:
    """Give the password in a broker's URL, if it has one."""
    found = urlsplit(broker.url).password if broker else None
    return (unquote(found),) if found else ()
