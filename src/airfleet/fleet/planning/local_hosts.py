"""A fleet of several hosts on one machine: what a laptop's ``fleet.yaml`` becomes with ``airfleet up --hosts N``.

The first host has the servers, and one of each component; the second one a scheduler more; each has the workers. So
whatever dies on any but the first, another is there to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import LOCAL, LOOPBACK, Fleet, Host, Instances
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import json_file
from airfleet.fleet.servers.secrets import Secrets

#: the variable that says how many
COUNT = "AIRFLEET_LOCAL_HOSTS"
#: the variable that says with what the addresses of hosts begin that have a network of their own, like ``198.18.37``
NETWORK = "AIRFLEET_LOCAL_NETWORK"
#: the variable that names the network namespace of an agent
NAMESPACE = "AIRFLEET_NETNS"
_NETWORKS = "198.18."
MOST = 9


@dataclass(frozen=True)
class Network:
    """The bridge of a fleet whose hosts have networks of their own; ``number`` is the third part of its addresses."""

    number: int

    @property
    def prefix(self) -> str:
        """The beginning of all addresses."""
        return f"{_NETWORKS}{self.number}"

    @property
    def bridge(self) -> str:
        """The bridge, and its own address on this machine."""
        return f"af{self.number}"

    def link(self, host: int) -> str:
        """Name the bridge's end of a host's link; hosts count from 1."""
        return f"{self.bridge}-{host}"

    def namespace(self, host: int) -> str:
        """Name the namespace of a host as ``ip netns`` does."""
        return f"airfleet-{self.number}-{host}"


def of(fleet: Fleet, environ: Mapping[str, str]) -> Fleet:
    """Spread the fleet over as many hosts as the environment says; unchanged when it says nothing.

    Raises FleetError when ``fleet.yaml`` names its hosts itself.
    """
    count = environ.get(COUNT)
    if count and is_named(fleet):
        raise FleetError(
            f"fleet.yaml names the hosts of fleet '{fleet.name}' itself, and this machine was told to play {count}",
            hint=f"what tells it so is {COUNT}, or the file {Path(fleet.root) / '.airfleet' / 'played-hosts'} "
            "that 'airfleet up --hosts' has left: remove it",
        )
    return spread(fleet, int(count), environ.get(NETWORK)) if count else fleet


def names(count: int) -> tuple[str, ...]:
    """Name so many hosts."""
    return tuple(f"host-{number}" for number in range(1, count + 1))


def is_played(address: str) -> bool:
    """Tell whether a host with this address is one of several on one machine."""
    return is_loopback(address) or address.startswith(_NETWORKS)


def spread(fleet: Fleet, count: int, network: str | None = None) -> Fleet:
    """Spread the fleet over ``count`` hosts of this machine, on loopback or in a network of their own.

    Raises FleetError when ``fleet.yaml`` names its hosts itself.
    """
    if is_named(fleet):
        raise FleetError(
            f"fleet.yaml names the hosts of fleet '{fleet.name}' itself",
            hint=f"start each of them: {', '.join(f'airfleet up --host {host.name}' for host in fleet.hosts)}",
        )
    (whole,) = fleet.hosts
    first, *others = names(count)
    addresses = [f"{network}.{number}" if network else LOOPBACK for number in range(1, count + 1)]
    api_server = replace(whole.api_server, address=None) if network else whole.api_server
    hosts = [replace(whole, name=first, address=addresses[0], api_server=api_server)]
    for number, name in enumerate(others):
        scheduler = Instances(1, whole.scheduler.memory_bytes) if number == 0 else Instances(0)
        hosts.append(Host(name, addresses[number + 1], scheduler=scheduler, workers=whole.workers))
    flower = replace(fleet.flower, on=first) if fleet.flower else None
    proxy = replace(fleet.proxy, on=(first,) if fleet.proxy.on else ()) if fleet.proxy else None
    return replace(fleet, hosts=tuple(hosts), flower=flower, proxy=proxy)


def is_named(fleet: Fleet) -> bool:
    """Tell whether ``fleet.yaml`` names its hosts."""
    return len(fleet.hosts) > 1 or fleet.hosts[0].name != LOCAL


def seen_from(host: str | None, fleet: Fleet, first: Paths, secrets: Secrets) -> Fleet:
    """Give a fleet that was spread as one of its hosts sees it, or as the machine does: with the servers of the first.

    Raises FleetError when the first one does not run.
    """
    if host == fleet.hosts[0].name:
        return fleet
    try:
        ports = json_file.read(
            first.ports, int, "end the fleet with 'airfleet down', delete it, and start the fleet again"
        )
        api_port = ports["api_server"]
        database, broker = fleet.database, fleet.broker
        if fleet.runs_database:
            place = f"{fleet.hosts[0].address}:{ports['postgres']}/airflow?sslmode=disable&gssencmode=disable"
            database = f"postgresql://airflow:{secrets.airflow_password}@{place}"
        if fleet.runs_broker:
            broker = f"redis://:{secrets.broker_password}@{fleet.hosts[0].address}:{ports['broker']}/0"
    except KeyError:
        name = fleet.hosts[0].name
        raise FleetError(f"host '{name}', which has the servers, was never started", hint="airfleet up") from None
    api_server = replace(fleet.hosts[0].api_server, port=api_port)
    hosts = (replace(fleet.hosts[0], api_server=api_server), *fleet.hosts[1:])
    return with_witness(replace(fleet, hosts=hosts, database=database, broker=broker), ports.get("postgres"))


def with_witness(fleet: Fleet, postgres: int | None) -> Fleet:
    """Make the database's port the witness of two hosts of one machine: they share nothing else."""
    if len(fleet.hosts) != 2 or fleet.witness or postgres is None:
        return fleet
    return replace(fleet, witness=f"{fleet.hosts[0].address}:{postgres}")
