"""The needs of a fleet on its hosts, before any of them was asked: pure values, from fleet.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from airfleet.fleet.config.checks import is_any
from airfleet.fleet.config.spec import API_PORT, Fleet, Host
from airfleet.fleet.servers import brokers, databases, own_servers
from airfleet.fleet.servers.own_servers import Origin, ServerChoice

_POSTGRES_PORT: Final = 5432


@dataclass(frozen=True)
class Server:
    """A server that hosts must reach."""

    #: ``database``, ``broker`` or ``witness``
    what: str
    host: str
    port: int


@dataclass(frozen=True)
class Needs:
    """The needs that concern all hosts alike."""

    #: the machine of the wheels and of the uv that is brought along, as ``uname -m`` says it
    machine: str
    #: the minor version of Python that fleet.yaml asks for; empty for any
    python: str
    #: the one that runs here
    python_here: str
    servers: tuple[Server, ...] = ()
    #: whether hosts need no registry
    vendors: bool = False


def servers_of(fleet: Fleet) -> tuple[Server, ...]:
    """List the servers that every host must reach."""
    return tuple(_servers(fleet))


def _servers(fleet: Fleet) -> Iterator[Server]:
    if not fleet.runs_database:
        for host, port in databases.places(fleet.database):
            if host and not host.startswith(("/", "@")):
                yield Server("database", host.strip("[]"), int(port or _POSTGRES_PORT))
    if not fleet.runs_broker:
        for host, number in brokers.parse(fleet.broker).servers:
            yield Server("broker", host, number)
    if fleet.witness:
        host, _, port = fleet.witness.rpartition(":")
        yield Server("witness", host.strip("[]"), int(port))


def programs_of(fleet: Fleet) -> tuple[str, ...]:
    """List the paths of programs that fleet.yaml names for servers of the machine."""
    database, broker = choices_of(fleet)
    folder = (f"{database.place}/postgres", f"{database.place}/bin/postgres") if database and database.place else ()
    return (*folder, *((str(broker.place),) if broker and broker.place else ()))


def choices_of(fleet: Fleet) -> tuple[ServerChoice | None, ServerChoice | None]:
    """Return the database and the broker that a fleet takes of its machine; None for one that it does not."""
    database = own_servers.database(fleet.database) if fleet.runs_database else None
    broker = own_servers.broker(fleet.broker) if fleet.runs_broker else None
    return _of_machine(database), _of_machine(broker)


def _of_machine(choice: ServerChoice | None) -> ServerChoice | None:
    return choice if choice and choice.origin is Origin.MACHINE else None


def ports_of(fleet: Fleet, host: Host) -> Mapping[tuple[str, int], str]:
    """List where a host must be able to listen, each with the name of what does."""
    first = host.api_server.port or API_PORT
    listens = host.api_server.address or host.address
    found = {(listens, first + number): "the api-server" for number in range(host.api_server.count)}
    if (flower := fleet.flower) and flower.on == host.name:
        found[(flower.address or host.address, flower.port)] = "Flower"
    if (proxy := fleet.proxy) and host.name in proxy.on:
        for port in filter(None, (proxy.own_port, proxy.plain_port)):
            found[(proxy.address, port)] = "the proxy"
    return found


def overlaps(one: str, other: str) -> bool:
    """Tell whether two servers of one port at these addresses are in each other's way."""
    return one == other or is_any(one) or is_any(other)
