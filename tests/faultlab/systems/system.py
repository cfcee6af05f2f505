"""A system under test: a fleet or stock Airflow, on one host or several, with the same servers, Dags and slots.

::

    folder ─> network ─> PostgreSQL, broker ─> gate ─> Airflow on each host ─> Dags known, audit of the database on

The servers stand beside the hosts, so that a fault can take them away. The tasks of a single host reach the API through
a gate (:class:`~faultlab.injectors.tcp_fault_proxy.TcpFaultProxy`), so that a fault can shut it. A dead component is
started again: by its agent in a fleet, by :class:`~faultlab.systems.stock_airflow.StockAirflow` otherwise.
"""

from __future__ import annotations

import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import psycopg

from airfleet.agent.host import netns
from airfleet.client.api_client import Api
from airfleet.drill import dags, killing, workload
from airfleet.drill.killing import Attempts
from airfleet.drill.records import Note
from airfleet.drill.waiting import wait_until
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import Network
from airfleet.testing.lifetime import Startable
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import POSTGRES_SERVER, Servers
from faultlab.injectors.clock_shim import ClockShim
from faultlab.injectors.small_disk import small_disk
from faultlab.injectors.tcp_fault_proxy import TcpFaultProxy
from faultlab.measuring import state_audit
from faultlab.servers.bridge_address import place_beside
from faultlab.servers.broker import Broker, EmbeddedBroker, MakeBroker, password_of
from faultlab.servers.replicated_postgres import ReplicatedServers
from faultlab.systems.simulated_hosts import SimulatedHosts, can_have_networks
from faultlab.systems.topology import Topology

#: until everything answers again after a start
WELL_SECONDS = 240.0
T = TypeVar("T")


class System(Startable, SimulatedHosts):
    """An Airflow that can be watched and hurt; one host is n = 1.

    ``make_broker`` makes a broker beside the hosts instead of theirs. ``netns`` gives each of several hosts a network,
    without which they share loopback; None means: where we have root's rights.
    """

    #: ``airfleet`` or ``stock``
    name: str

    def __init__(
        self, topology: Topology | None = None, make_broker: MakeBroker | None = None, *, netns: bool | None = None
    ) -> None:
        self.topology = topology or Topology()
        self.netns = self.topology.hosts > 1 and (can_have_networks() if netns is None else netns)
        self.folder = Path(tempfile.mkdtemp(prefix="airfleet-faults-"))
        self.folder.chmod(0o755)  # users of embedded servers and of tasks write below it
        #: where tasks keep their journals
        self.witness_folder = self.folder / "witness"
        self.api_port = free_ports(1)[0]
        self._make_broker = make_broker
        self._servers: Servers | None = None
        self._broker: Broker | None = None
        self._gate: TcpFaultProxy | None = None
        self._network: Network | None = None
        self._clocks: ClockShim | None = None
        self._held = ExitStack()

    def start(self) -> None:
        """Start servers and Airflow; the Dags of the workload are known afterwards."""
        self.witness_folder.mkdir(exist_ok=True)
        self._held.callback(shutil.rmtree, self.folder, ignore_errors=True)
        if self.topology.clocks:
            self._clocks = ClockShim(self.folder / "clocks", self.names)
        self._start_servers()
        self._start_airflow()
        self._begin_watching()

    def stop(self) -> None:
        """End everything and remove its files."""
        self._held.close()

    # --- what differs between a fleet and stock Airflow --------------------------------------------

    @abstractmethod
    def _start_airflow(self) -> None:
        """Start all hosts, and register in ``_held`` how they end."""

    @property
    @abstractmethod
    def api(self) -> Api:
        """Give the REST API."""

    @abstractmethod
    def is_well(self) -> bool:
        """Tell whether every component of every host is there and answers."""

    @abstractmethod
    def log_folders(self) -> tuple[Path, ...]:
        """List the folders to which components and tasks of all hosts write their logs."""

    @abstractmethod
    def known_secrets(self) -> tuple[str, ...]:
        """List the secrets that Airflow or its agent generated."""

    @abstractmethod
    def pids_on(self, host: str, kind: str) -> tuple[int, ...]:
        """List the first process of every component of a kind that runs on a host now."""

    @abstractmethod
    def processes_on(self, host: str) -> tuple[int, ...]:
        """List every process of a host; servers beside it are not its own."""

    @abstractmethod
    def power_off(self, host: str) -> None:
        """End every process of a host at once, and let none begin."""

    @abstractmethod
    def shut_down(self, host: str) -> None:
        """End everything on a host in good order, and let nothing begin."""

    @abstractmethod
    def power_on(self, host: str) -> None:
        """Start the components of a host, after one of the two."""

    @property
    def _servers_stand_beside(self) -> bool:
        """Tell whether PostgreSQL and the broker stand beside the hosts."""
        return True

    # --- what both have ----------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Name all hosts."""
        return local_hosts.names(self.topology.hosts)

    @property
    def network(self) -> Network:
        """Give the bridge between the hosts."""
        return there(self._network, "network of hosts")

    @property
    def servers(self) -> Servers:
        """Give the servers beside the hosts."""
        return there(self._servers, "servers beside its hosts")

    @property
    def broker(self) -> Broker:
        """Give the broker beside the hosts."""
        return there(self._broker, "broker beside its hosts")

    @property
    def gate(self) -> TcpFaultProxy:
        """Give the gate before the API of a single host."""
        return there(self._gate, "gate before its API")

    @property
    def clocks(self) -> ClockShim:
        """Give the clocks of the hosts."""
        return there(self._clocks, "clocks that can be set wrong")

    @property
    def database_url(self) -> str:
        """Give ``postgresql://...`` of the metadata database."""
        return self.servers.database_url("airflow")

    def pids(self, kind: str) -> tuple[int, ...]:
        """List the first process of every component of a kind that runs on any host now."""
        return tuple(pid for host in self.names for pid in self.pids_on(host, kind))

    def processes(self) -> tuple[int, ...]:
        """List every process of all hosts."""
        return tuple(pid for host in self.names for pid in self.processes_on(host))

    def running_on(self, host: str) -> list[Note]:
        """List the starts of attempts whose processes live on a host, the oldest first."""
        on_host = set(self.processes_on(host))
        return [note for note in killing.running(self.witness_folder) if note.pid in on_host]

    def attempts_on(self, host: str) -> Attempts:
        """Give the attempts that suffer when a host does."""
        alive = killing.attempts_of(self.processes_on(host), self.witness_folder)
        return alive | killing.just_ended(self.witness_folder)

    def logs(self) -> tuple[Path, ...]:
        """List all log files."""
        return files_below(self.log_folders())

    def secrets(self) -> tuple[str, ...]:
        """List all that must not stand in a log."""
        of_servers = self._servers.passwords() if self._servers else ()
        return (*self.known_secrets(), *of_servers, *password_of(self._broker))

    # --- how it starts -----------------------------------------------------------------------------

    def _start_servers(self) -> None:
        """Start everything that stands beside the hosts. Raises FleetError where it lacks root's rights."""
        if self._servers_stand_beside:
            address = self._make_network() if self.topology.hosts > 1 else LOOPBACK
            self._servers = servers = self._make_servers(address)
            self._broker = self._own_broker(address) or EmbeddedBroker(servers)
        elif self._make_broker:
            self._broker = self._own_broker(self._held.enter_context(place_beside()) if self.netns else LOOPBACK)
        if self.topology.hosts == 1:
            self._gate = self._held.enter_context(TcpFaultProxy((LOOPBACK, self.api_port)))

    def _make_network(self) -> str:
        """Make a bridge with a network for each host; the address of this machine on it."""
        self._network = netns.make(self.topology.hosts, self.folder)
        self._held.callback(netns.remove, self._network)
        return f"{self._network.prefix}.254"

    def _make_servers(self, address: str) -> Servers:
        kind = ReplicatedServers if self.topology.standby else Servers
        servers = kind(self.folder / "servers", address=address)
        if self.topology.database_disk_mb:
            self._held.enter_context(small_disk(servers.folder / POSTGRES_SERVER, self.topology.database_disk_mb))
        self._held.enter_context(servers)
        servers.database("airflow")
        return servers

    def _own_broker(self, address: str) -> Broker | None:
        if self._make_broker is None:
            return None
        broker = self._make_broker(self.folder / "broker", address)
        self._held.callback(broker.end)
        broker.start()
        return broker

    def _begin_watching(self) -> None:
        """Wait until the Dags of the workload are known, and have the database record what becomes of their tasks."""

        def known() -> bool:
            return all(dags.knows(self.api, dag_id) for dag_id in workload.DAGS)

        wait_until(known, WELL_SECONDS, f"the Dags of {workload.FILE_NAME} are known", pause_seconds=0.3)
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=5) as connection:
            state_audit.install(connection)


def there(part: T | None, name: str) -> T:
    """Give a part of a system. Raises AssertionError when it has none."""
    assert part is not None, f"the system has no {name}, or was not started"
    return part


def files_below(folders: Iterable[Path]) -> tuple[Path, ...]:
    """List all files below some folders."""
    return tuple(path for folder in folders for path in folder.rglob("*") if path.is_file())
