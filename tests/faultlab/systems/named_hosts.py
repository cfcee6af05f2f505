"""A fleet whose ``fleet.yaml`` names its hosts, each played in a network of its own; its servers stand beside them.

Two of the hosts can be whole control hosts, as in production: whichever is lost, the other one has all that it had.
"""

from __future__ import annotations

from dataclasses import dataclass

from airfleet.agent.control import Snapshot
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network
from airfleet.testing.fleet import FleetUnderTest
from faultlab.systems.hosts_under_test import HostsUnderTest
from faultlab.systems.system import BROKER, DATABASE, Topology

#: where nginx listens, on its host
_DOOR_PORT = 8088
_CONTROL = "scheduler: true, api_server: true, dag_processor: true, triggerer: true, "


@dataclass
class NamedHosts(HostsUnderTest):
    """The fleet; ``given`` is the network, which somebody else makes and removes."""

    given: Network | None = None

    @property
    def network(self) -> Network:
        """The bridge between the hosts."""
        assert self.given is not None, "the hosts were given no network"
        return self.given

    def on(self, host: str) -> FleetUnderTest:
        """One host of it, in its network."""
        return super().on(host).with_environment(**{NAMESPACE: self.network.namespace(self.number(host))})

    def start(self) -> Snapshot:
        """Bring the first host up, which makes the secrets and the tables, and then the others."""
        first, *others = map(self.on, self.names)
        first.start()
        for host in others:
            host.boot()
        for host in others:
            host.start()
        return self.snapshot()


def fleet_yaml(topology: Topology, network: Network, witness: str, more: str = "") -> str:
    """The lines of ``fleet.yaml``: a worker on each host, and on the first ones all that decides and serves.

    ``witness`` is what two hosts ask; with a proxy, the last host stands in front. ``more`` are further lines.
    """
    names = local_hosts.names(topology.hosts)
    lines = [
        "name: hosts",
        f"database: ${{{{ env.{DATABASE} }}}}",
        f"broker: ${{{{ env.{BROKER} }}}}",
        "hosts:",
        *(f"  - {_host(name, number, topology, network)}" for number, name in enumerate(names, start=1)),
        *([f"proxy: {_door(names[-1], _address(network, len(names)))}"] if topology.proxied else []),
        *([f"witness: {witness}"] if topology.hosts == 2 else []),
        f"policies: {{on_partition: {topology.on_partition}}}",
    ]
    return "\n".join(lines) + "\n" + more


def _host(name: str, number: int, topology: Topology, network: Network) -> str:
    control = _CONTROL if number <= topology.control_hosts else ""
    workers = f"workers: [{{name: worker, slots: {topology.slots}}}]"
    return f"{{name: {name}, address: {_address(network, number)}, {control}{workers}}}"


def _door(host: str, address: str) -> str:
    return f"{{on: {host}, name: {address}, address: {address}, port: {_DOOR_PORT}}}"


def _address(network: Network, number: int) -> str:
    return f"{network.prefix}.{number}"
