"""A fleet as a system under test, on one host or several."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from airfleet.agent.control import AgentGone, ComponentStatus
from airfleet.agent.states import State
from airfleet.client.api_client import Api
from airfleet.drill import journal, workload
from airfleet.drill.load_generator import SLOW_SECONDS
from airfleet.fleet.planning.local_hosts import Network
from airfleet.fleet.servers import secrets
from faultlab.injectors.small_disk import small_disk
from faultlab.servers.broker import MakeBroker
from faultlab.systems.fleet_yaml import BROKER, DATABASE, fleet_yaml, way_in_of_one_host
from faultlab.systems.hosts_under_test import HostsUnderTest
from faultlab.systems.system import System, there
from faultlab.systems.topology import Topology


class FleetSystem(System):
    """A fleet. Of several hosts the first one has the servers, unless the topology wants whole control hosts."""

    name = "airfleet"

    def __init__(
        self,
        topology: Topology | None = None,
        make_broker: MakeBroker | None = None,
        settings: str = "",
        *,
        netns: bool | None = None,
    ) -> None:
        """Take ``settings``, more lines of fleet.yaml."""
        super().__init__(topology, make_broker, netns=netns)
        self._settings = settings
        self._fleet: HostsUnderTest | None = None
        self._embedded_url = ""

    @property
    def fleet(self) -> HostsUnderTest:
        """Give the fleet; it is asked as its first host is."""
        return there(self._fleet, "fleet")

    @property
    def api(self) -> Api:
        """Give the REST API: of the first host, or by way of nginx alone, as people reach it.

        Of several hosts, a request by way of nginx that reached a lost one is answered late; the client gives it up
        and asks again.
        """
        found = self.fleet.api
        if not self.topology.proxied:
            return found
        seconds = found.request_seconds if self.topology.hosts == 1 else SLOW_SECONDS
        return replace(found, url=self.fleet.snapshot().url.rstrip("/"), others=(), request_seconds=seconds)

    @property
    def database_url(self) -> str:
        """Give ``postgresql://...`` of the metadata database, beside the hosts or on the first one."""
        return super().database_url if self._servers_stand_beside else self._embedded_url

    @property
    def network(self) -> Network:
        """Give the bridge between the hosts."""
        return self.fleet.network

    def is_well(self) -> bool:
        """Tell whether every agent says so of its host, and the first one sees all hosts."""
        try:
            found = [self.fleet.on(host).snapshot() for host in self.names]
        except (AgentGone, OSError):
            return False
        return all(one.healthy for one in found) and all(host.state == "up" for host in found[0].hosts)

    def log_folders(self) -> tuple[Path, ...]:
        """List the folders of the logs of agents, of components and of tasks."""
        paths = [self.fleet.on(host).paths for host in self.names]
        return tuple(folder for one in paths for folder in (one.logs, one.task_logs))

    def known_secrets(self) -> tuple[str, ...]:
        """List the generated ones."""
        return self.fleet.known_secrets()

    def pids_on(self, host: str, kind: str) -> tuple[int, ...]:
        """Ask the agent of the host."""
        return tuple(one.pid for one in self._components(host) if one.kind == kind and one.pid)

    def processes_on(self, host: str) -> tuple[int, ...]:
        """Find them by their mark, the agent among them."""
        return self.fleet.on(host).pids()

    def power_off(self, host: str) -> None:
        """End the agent with all components."""
        self.fleet.power_off(host)

    def shut_down(self, host: str) -> None:
        """Stop the host as for an upgrade."""
        self.fleet.shut_down(host)

    def power_on(self, host: str) -> None:
        """Start the agent, as the unit of a booting machine does.

        The boot of a single host is a part of its recovery. Of several hosts the others work meanwhile, and the boot
        of this one is waited for.
        """
        if self.topology.hosts == 1:
            self.fleet.boot()
        else:
            self.fleet.start_again(host)

    # --- what only an agent tells ------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """Give the folder to which the fleet writes."""
        return self.fleet.paths.home

    def is_degraded(self, component: str, host: str | None = None) -> bool:
        """Tell whether the agent of a host (the first one by default) reports a component as degraded."""
        named = (one for one in self._components(host or self.names[0]) if one.name == component)
        return any(one.state == State.DEGRADED for one in named)

    def reports(self, words: str) -> bool:
        """Tell whether the agent gives these words as the reason of any state."""
        return any(words in one.reason for one in self._components(self.names[0]))

    def _components(self, host: str) -> tuple[ComponentStatus, ...]:
        return tuple(self.fleet.on(host).snapshot().components)

    # --- how it starts -----------------------------------------------------------------------------

    @property
    def _servers_stand_beside(self) -> bool:
        return self.topology.hosts == 1 or self.topology.control_hosts > 0

    def _start_airflow(self) -> None:
        files = {f"pipelines/{workload.FILE_NAME}": workload.file(self.topology.retries)}
        fleet = self._fleet = HostsUnderTest.of(
            self._fleet_yaml(), self.topology.hosts, files, netns=self.netns, given=self._network
        )
        if self.topology.disk_mb:
            self._held.callback(shutil.rmtree, fleet.root.parent, ignore_errors=True)
            self._held.enter_context(small_disk(fleet.paths.home, self.topology.disk_mb))
        self._held.enter_context(fleet)
        clocks = self._clocks.environment if self._clocks else {}
        fleet.environ = {**fleet.environ, **self._urls(), **clocks}
        fleet.start()
        if not self._servers_stand_beside:
            # Asked once: the host that tells it may be down when the database is not.
            self._embedded_url = self._find_database()

    def _urls(self) -> Mapping[str, str]:
        """Give the variables with the URLs of the servers beside the hosts."""
        database = {DATABASE: self.database_url} if self._servers else {}
        return {**database, **({BROKER: self.broker.url} if self._broker else {})}

    def _environment(self) -> Mapping[str, str]:
        """Give the environment of every task."""
        return {journal.FOLDER: str(self.witness_folder)}

    def _fleet_yaml(self) -> str:
        execution_api = f"http://127.0.0.1:{self.gate.port}/execution/" if self._gate else ""
        single = self.topology.hosts == 1
        text = fleet_yaml(
            self.topology,
            self._urls(),
            self._environment(),
            way_in=way_in_of_one_host(self.topology, self.api_port, execution_api) if single else "",
            network=self._network,
            witness=urlsplit(self.database_url).netloc.rpartition("@")[2] if self._network else "",
        )
        return text + self._settings

    def _find_database(self) -> str:
        address = self.fleet.component("postgres").address
        if self.netns:
            address = f"{self.address(self.names[0])}:{address.rpartition(':')[2]}"
        password = secrets.load_or_generate(self.fleet.paths.secrets).airflow_password
        return f"postgresql://airflow:{password}@{address}/airflow"
