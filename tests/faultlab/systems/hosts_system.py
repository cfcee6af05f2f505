"""A fleet of some hosts on this machine, for experiments; see :mod:`faultlab.systems.several_hosts`.

The first host has the servers, unless the topology wants whole control hosts: then they stand beside the hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from airfleet.agent.control import AgentGone
from airfleet.agent.states import State
from airfleet.client.api_client import Api
from airfleet.drill import journal, workload
from airfleet.drill.load_generator import SLOW_SECONDS
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.servers import secrets
from faultlab.servers.bridge_address import place_beside
from faultlab.systems import named_hosts
from faultlab.systems.hosts_under_test import HostsUnderTest
from faultlab.systems.named_hosts import NamedHosts
from faultlab.systems.several_hosts import SeveralHosts
from faultlab.systems.simulated_hosts import can_have_networks
from faultlab.systems.system import (
    BROKER,
    DATABASE,
    MakeBroker,
    Topology,
    begin_watching,
    files_below,
    password_of,
)


class HostsTarget(SeveralHosts):
    """The fleet. ``netns``: each host has a network of its own; None: where we have the rights."""

    name = "airfleet"

    def __init__(self, topology: Topology, netns: bool | None = None, make_broker: MakeBroker | None = None) -> None:
        super().__init__(topology, can_have_networks() if netns is None else netns, make_broker)
        self._database_url = ""
        self._fleet: HostsUnderTest | None = None

    def start(self) -> None:
        """What stands beside the hosts, hosts, Dags."""
        self._begin()
        self._fleet, servers = self._named() if self.topology.control_hosts else self._played()
        self._fleet.environ = {**self._fleet.environ, **servers, **self._make_clocks(self._fleet.names)}
        self._fleet.start()
        # Asked once: the host that could say it may be down when the database is not.
        self._database_url = self._find_database()
        begin_watching(self)

    @property
    def hosts(self) -> HostsUnderTest:
        """Its hosts."""
        assert self._fleet is not None, "the fleet was not started"
        return self._fleet

    @property
    def api(self) -> Api:
        """Its REST API, on the first host, or by the way that people take."""
        found = self.hosts.api
        if not self.topology.proxied:
            return found
        # What nginx has sent to a host that is gone is answered late, so whoever asks gives up and asks again.
        return replace(found, url=self.hosts.snapshot().url.rstrip("/"), others=(), request_seconds=SLOW_SECONDS)

    @property
    def database_url(self) -> str:
        """``postgresql://...`` of the metadata database, on the first host or beside them."""
        return self._database_url

    def is_well(self) -> bool:
        """Whether every host says so of itself, and the first one sees them all."""
        try:
            found = [self.hosts.on(name).snapshot() for name in self.hosts.names]
        except (AgentGone, OSError):
            return False
        return all(one.healthy for one in found) and all(host.state == "up" for host in found[0].hosts)

    def logs(self) -> tuple[Path, ...]:
        """Logs of agents, of components and of tasks, of all hosts."""
        paths = [self.hosts.on(name).paths for name in self.hosts.names]
        return files_below(*(folder for one in paths for folder in (one.logs, one.task_logs)))

    def secrets(self) -> tuple[str, ...]:
        """The generated ones, and those of what stands beside the hosts."""
        servers = self._servers.passwords() if self._servers else ()
        return (*self.hosts.known_secrets(), *servers, *password_of(self._broker))

    def is_told(self, host: str, part: str) -> bool:
        """Whether the agent of a host says of a part of it that it is not well."""
        return any(
            one.name == part and one.state == State.DEGRADED for one in self.hosts.on(host).snapshot().components
        )

    @property
    def _files(self) -> Mapping[str, str]:
        return {f"pipelines/{workload.FILE_NAME}": workload.file(self.topology.retries)}

    def _named(self) -> tuple[HostsUnderTest, Mapping[str, str]]:
        """Hosts that fleet.yaml names, and what it is told of the servers."""
        network = self._make_network()
        servers, broker = self._start_servers(network)
        database = servers.database_url("airflow")
        seen = urlsplit(database).netloc.rpartition("@")[2]
        text = named_hosts.fleet_yaml(self.topology, network, seen, self._environment)
        made = NamedHosts.of(text, self.topology.hosts, self._files)
        self._held.callback(made.remove)
        made.given = network
        return made, {DATABASE: database, BROKER: broker}

    def _played(self) -> tuple[HostsUnderTest, Mapping[str, str]]:
        """Hosts that this machine makes of a fleet of one, and what it is told of a broker beside them."""
        made = HostsUnderTest.of(self._fleet_yaml(), self.topology.hosts, self._files, netns=self.netns)
        self._held.callback(made.remove)
        if self._make_broker is None:
            return made, {}
        address = self._held.enter_context(place_beside()) if self.netns else LOOPBACK
        return made, {BROKER: self._start_broker(self._make_broker, address).url}

    def _find_database(self) -> str:
        if self._servers is not None:
            return self._servers.database_url("airflow")
        address = self.hosts.component("postgres").address
        if self.netns:
            address = f"{self.hosts.address(self.hosts.names[0])}:{address.rpartition(':')[2]}"
        password = secrets.load_or_generate(self.hosts.paths.secrets).airflow_password
        return f"postgresql://airflow:{password}@{address}/airflow"

    def _fleet_yaml(self) -> str:
        broker = f"broker: ${{{{ env.{BROKER} }}}}\n" if self._make_broker is not None else ""
        return f"""\
name: hosts
{broker}\
workers: [{{name: worker, slots: {self.topology.slots}}}]
policies: {{on_partition: {self.topology.on_partition}}}
{self._environment}"""

    @property
    def _environment(self) -> str:
        return f'env: {{{journal.FOLDER}: "{self.witness_folder}"}}\n'
