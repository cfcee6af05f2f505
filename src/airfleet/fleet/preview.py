"""The plan of any host of a fleet, made without touching this machine: to be shown, not to be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from airfleet.fleet.components import proxy
from airfleet.fleet.config.spec import API_PORT, EMBEDDED, LOGS_PORT, Fleet, Host
from airfleet.fleet.planning import local_hosts, ports
from airfleet.fleet.planning.context import Context, Embedded, Nginx, Ports, needs_log_server
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers.secrets import Secrets
from airfleet.yaml.secret_detection import MASK

POSTGRES_PORT, BROKER_PORT, NGINX_PORT = 5432, 6379, 8090
OLDEST_NGINX = (1, 18, 0)


@dataclass(frozen=True)
class Machine:
    """Facts about the machine of a host."""

    #: 0 where they are not known
    cores: int = 0
    has_nginx: bool = True
    #: whether it plays all hosts of the fleet, which tell one another the ports that they found
    plays: bool = False
    #: None where it is not known
    memory_bytes: int | None = None


def context(fleet: Fleet, host: str, paths: Paths, secrets: Secrets, machine: Machine = Machine()) -> Context:
    """Give the host as ``agent.bootstrap`` would make it; its ports are those of last time, or the usual ones.

    Raises KeyError when the fleet has no such host.
    """
    fleet = _with_places(fleet)
    here = fleet.host(host)
    book = _Book(ports.read_kept(paths.ports), dict(ports.given(fleet, here)))
    own_database, own_broker = fleet.database == EMBEDDED, fleet.broker == EMBEDDED
    has_nginx = proxy.is_public(fleet, here) or (proxy.helps(fleet, here) and machine.has_nginx)
    known = local_hosts.is_named(fleet) and not machine.plays
    return Context(
        fleet=fleet,
        paths=paths,
        ports=Ports(
            postgres=book.port("postgres", POSTGRES_PORT) if own_database else None,
            api_servers=_api_ports(here, book, known=known),
            broker=book.port("broker", BROKER_PORT) if own_broker else None,
            flower=_flower_port(fleet, here, book),
            nginx=book.port("nginx", NGINX_PORT) if has_nginx else None,
            logs=book.port("logs", LOGS_PORT) if needs_log_server(fleet, here, paths) else None,
        ),
        secrets=secrets,
        embedded=_embedded(paths) if own_database or own_broker else None,
        nginx=Nginx(Path("nginx"), OLDEST_NGINX, paths.home / "nginx") if has_nginx else None,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        host=host,
    )


def as_an_agent(fleet: Fleet, host: str, paths: Paths, secrets: Secrets, machine: Machine) -> Context:
    """Give the host as its agent would make it, with the agent's own settings. Raises KeyError as :func:`context`."""
    found = context(fleet, host, paths, secrets, machine)
    if machine.plays:
        found = replace(found, fleet=local_hosts.with_witness(found.fleet, found.ports.postgres))
    if local_hosts.is_named(fleet):  # which port it is does not matter: it is found when the agent starts
        found = replace(found, ports=replace(found.ports, agent=0))
    return found


def _with_places(fleet: Fleet) -> Fleet:
    """Servers somewhere, where their URLs are secrets that are not here; nothing on a host that is not known here."""
    if fleet.flower and MASK in fleet.flower.on:
        fleet = replace(fleet, flower=None)
    if fleet.database.startswith(MASK):
        fleet = replace(fleet, database=f"postgresql://{MASK}/airflow")
    return replace(fleet, broker=f"redis://{MASK}/0") if fleet.broker.startswith(MASK) else fleet


@dataclass(frozen=True)
class _Book:
    """The ports as a :class:`~airfleet.fleet.planning.ports.PortBook` would give them out, if nothing else listened."""

    kept: Mapping[str, int]
    taken: dict[int, str]

    def port(self, name: str, usual: int) -> int:
        found = ports.candidates(name, self.kept.get(name), usual, self.taken)[0]
        self.taken[found] = name
        return found


def _api_ports(here: Host, book: _Book, *, known: bool) -> tuple[int, ...]:
    numbers = range(here.api_server.count)
    if here.api_server.port is not None or known:
        return tuple((here.api_server.port or API_PORT) + number for number in numbers)
    return tuple(book.port(ports.api_server(number), API_PORT) for number in numbers)


def _flower_port(fleet: Fleet, here: Host, book: _Book) -> int | None:
    flower = fleet.flower
    if flower is None or flower.on != here.name:
        return None
    # Proxies of other hosts know it by the port that fleet.yaml says.
    return flower.port if len(fleet.hosts) > 1 else book.port("flower", flower.port)


def _embedded(paths: Paths) -> Embedded:
    return Embedded(Path("postgres"), paths.home / "postgres", Path("valkey-server"), paths.home / "valkey")
