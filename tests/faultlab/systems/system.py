"""What an experiment is done to: a fleet, or stock Airflow, with the same servers, the same Dags and the same slots.

PostgreSQL and Valkey belong to the harness (:class:`~airfleet.testing.servers.Servers`), so that it can take them away;
tasks reach the execution API through a :class:`~faultlab.injectors.tcp_fault_proxy.Gate`, so that it can take that
away, too. A component that dies is started again: by its agent in a fleet, by
:class:`~faultlab.systems.stock_airflow.StockAirflow` otherwise.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import psycopg

from airfleet.agent.control import AgentGone
from airfleet.agent.states import State
from airfleet.client.api_client import Api
from airfleet.drill import dags, journal, workload
from airfleet.drill.waiting import wait_until
from airfleet.fleet.config.spec import LOOPBACK, OnPartition
from airfleet.system import procfs as processes
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.lifetime import Startable
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import BROKER_SERVER, POSTGRES_SERVER, Servers
from faultlab.injectors.small_disk import small_disk
from faultlab.injectors.tcp_fault_proxy import Gate
from faultlab.measuring import state_audit
from faultlab.servers.replicated_postgres import ReplicatedServers
from faultlab.systems.stock_airflow import COMPONENTS, StockAirflow

WORKER, SCHEDULER, API_SERVER = "worker", "scheduler", "api-server"
#: until everything answers again after it was started
WELL_SECONDS = 240.0
#: names of variables that say where a server is
DATABASE, BROKER = "FAULTS_DATABASE_URL", "FAULTS_BROKER_URL"


class Broker(Protocol):
    """A broker of the harness; it is on the same port, with the same password, whatever happens to it."""

    @property
    def url(self) -> str:
        """What ``broker:`` of fleet.yaml says."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def kill(self) -> None:
        """End it at once; its data are as they were on disk."""

    def freeze(self) -> None:
        """Connections stay, nothing is answered."""

    def thaw(self) -> None:
        """Let it go on."""

    def wipe(self) -> None:
        """Forget what it held, and start."""

    def end(self) -> None:
        """End it, whatever was done to it, with all that it started."""


class Observed(Protocol):
    """An Airflow that can be watched."""

    #: ``airfleet`` or ``stock``
    name: str
    #: where tasks write down what they do
    witness_folder: Path

    @property
    def api(self) -> Api:
        """Its REST API."""

    @property
    def database_url(self) -> str:
        """``postgresql://...`` of the metadata database."""

    def start(self) -> None:
        """Start it all; the Dags of the workload are known afterwards."""

    def stop(self) -> None:
        """End it all and remove its files."""

    def is_well(self) -> bool:
        """Whether every component is there and answers."""

    def logs(self) -> tuple[Path, ...]:
        """The files to which components and tasks write."""

    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any of them."""


class Target(Observed, Protocol):
    """An Airflow on one machine that can be hurt."""

    servers: Servers
    broker: Broker
    gate: Gate

    def pids(self, kind: str) -> tuple[int, ...]:
        """The first process of every component of a kind (``scheduler``, ``worker`` ...) that runs now."""

    def processes(self) -> tuple[int, ...]:
        """Every process of it; the servers are not its own."""

    def power_off(self) -> None:
        """End all of these, which stand still, at once."""

    def power_on(self) -> None:
        """Start it again after that."""


@dataclass(frozen=True)
class Topology:
    """How much of everything; the same for all targets."""

    #: of each worker
    slots: int = 8
    #: of each task
    retries: int = 0
    schedulers: int = 1
    #: two api-servers behind nginx, and Flower; a fleet's tasks then find their way themselves, without the gate. Of
    #: several hosts, the api-servers of all control hosts behind nginx on the last host
    proxied: bool = False
    #: the database has a standby; needs root's rights
    standby: bool = False
    #: the fleet's home is on a disk of its own, of so many MB; needs root's rights
    disk_mb: int = 0
    #: the database is on a disk of its own, of so many MB; needs root's rights
    database_disk_mb: int = 0
    #: more than one: see :mod:`faultlab.systems.several_hosts`
    hosts: int = 1
    #: each host has a network of its own, so that it can be cut off; needs root's rights
    networks: bool = False
    #: so many of the hosts have everything that decides and serves, and database and broker stand beside them all; 0 is
    #: what one machine plays. Needs root's rights
    control_hosts: int = 0
    on_partition: OnPartition = "replace"
    #: the clock of each host can be set wrong; needs a C compiler
    clocks: bool = False


@dataclass(frozen=True)
class _Valkey:
    """The one that the servers bring."""

    servers: Servers

    @property
    def url(self) -> str:
        return self.servers.broker()

    def start(self) -> None:
        self.servers.start_again(BROKER_SERVER)

    def kill(self) -> None:
        self.servers.crash(BROKER_SERVER)

    def freeze(self) -> None:
        self.servers.pause(BROKER_SERVER)

    def thaw(self) -> None:
        self.servers.resume(BROKER_SERVER)

    def wipe(self) -> None:
        self.servers.wipe_broker()

    def end(self) -> None:
        """The servers end it."""


#: makes a broker whose data lie in a folder, and that listens on an address
MakeBroker = Callable[[Path, str], Broker]


class _Harness(Startable):
    """The part that both targets have: a folder, servers, a broker, a gate, Dags."""

    def __init__(self, topology: Topology, make_broker: MakeBroker | None) -> None:
        self.topology = topology
        self.folder = Path(tempfile.mkdtemp(prefix="airfleet-faults-"))
        self.folder.chmod(0o755)  # the user that embedded servers run as, when we are root, must reach their data
        self.servers = (ReplicatedServers if topology.standby else Servers)(self.folder / "servers")
        self._own_broker = make_broker(self.folder / "broker", LOOPBACK) if make_broker else None
        self.broker: Broker = self._own_broker or _Valkey(self.servers)
        self.api_port = free_ports(1)[0]
        self.gate = Gate(("127.0.0.1", self.api_port))
        self.witness_folder = self.folder / "witness"
        self._held = ExitStack()

    @property
    def database_url(self) -> str:
        return self.servers.database_url("airflow")

    @property
    def execution_api(self) -> str:
        """The URL that tasks are told."""
        return f"http://127.0.0.1:{self.gate.port}/execution/"

    def _begin(self) -> None:
        self.witness_folder.mkdir(exist_ok=True)
        self._held.callback(shutil.rmtree, self.folder, ignore_errors=True)
        if self.topology.database_disk_mb:
            self._held.enter_context(small_disk(self.servers.folder / POSTGRES_SERVER, self.topology.database_disk_mb))
        self.servers.start()
        self._held.callback(self.servers.stop)
        self.servers.database("airflow")
        if self._own_broker is not None:
            self._held.callback(self._own_broker.end)
            self._own_broker.start()
        self.gate.start()
        self._held.callback(self.gate.close)

    def stop(self) -> None:
        self._held.close()


def begin_watching(target: Observed) -> None:
    """Wait until the Dags of the workload are known, and have the database write down what becomes of their tasks."""

    def known() -> bool:
        return all(dags.knows(target.api, dag_id) for dag_id in workload.DAGS)

    wait_until(known, WELL_SECONDS, f"the Dags of {workload.FILE_NAME} are known", pause_seconds=0.3)
    with psycopg.connect(target.database_url, autocommit=True, connect_timeout=5) as connection:
        state_audit.install(connection)


def password_of(broker: Broker | None) -> tuple[str, ...]:
    """What opens a broker, if anything does."""
    found = urlsplit(broker.url).password if broker else None
    return (unquote(found),) if found else ()


def files_below(*folders: Path) -> tuple[Path, ...]:
    """Every file there is."""
    return tuple(path for folder in folders for path in folder.rglob("*") if path.is_file())


class FleetTarget(_Harness):
    """A fleet of this machine."""

    name = "airfleet"

    def __init__(
        self, topology: Topology | None = None, make_broker: MakeBroker | None = None, settings: str = ""
    ) -> None:
        """``settings``: more lines of fleet.yaml."""
        super().__init__(topology or Topology(), make_broker)
        self._settings = settings
        self.fleet: FleetUnderTest | None = None

    def start(self) -> None:
        """Servers, fleet, Dags."""
        self._begin()
        files = {f"pipelines/{workload.FILE_NAME}": workload.file(self.topology.retries)}
        self.fleet = FleetUnderTest.make(self._fleet_yaml(), files)
        if self.topology.disk_mb:
            self._held.callback(shutil.rmtree, self.fleet.root.parent, ignore_errors=True)
            self._held.enter_context(small_disk(self.fleet.paths.home, self.topology.disk_mb))
        self._held.callback(self.fleet.remove)
        # Passwords do not stand in fleet.yaml.
        servers = {DATABASE: self.database_url, BROKER: self.broker.url}
        self.fleet.environ = {**self.fleet.environ, **servers}
        self.fleet.start()
        begin_watching(self)

    @property
    def api(self) -> Api:
        """Its REST API, by the way that people take."""
        found = self._fleet.api
        if not self.topology.proxied:
            return found
        # Nobody else is asked when nginx is silent: it is what is looked at.
        return replace(found, url=self._fleet.snapshot().url.rstrip("/"), others=())

    def pids(self, kind: str) -> tuple[int, ...]:
        """The first process of every component of a kind that runs now."""
        return tuple(one.pid for one in self._fleet.snapshot().components if one.kind == kind and one.pid)

    def processes(self) -> tuple[int, ...]:
        """Its agent among them."""
        return self._fleet.pids()

    def power_off(self) -> None:
        """They stand still already: nobody sees the others die."""
        for pid in self.processes():
            processes.send(pid, signal.SIGKILL)

    def power_on(self) -> None:
        """``airfleet up``, as the unit of a machine that boots does it; how long it takes is a part of the recovery."""
        self._fleet.boot()

    def is_well(self) -> bool:
        """Whether its agent says so."""
        try:
            return self._fleet.snapshot().healthy
        except (AgentGone, OSError):
            return False

    def logs(self) -> tuple[Path, ...]:
        """Logs of the agent, of components and of tasks."""
        return files_below(self._fleet.paths.logs, self._fleet.paths.task_logs)

    def secrets(self) -> tuple[str, ...]:
        """The generated ones, and those of the servers."""
        return (*self._fleet.known_secrets(), *self.servers.passwords(), *password_of(self.broker))

    @property
    def home(self) -> Path:
        """Where it keeps what it writes."""
        return self._fleet.paths.home

    def is_told(self, component: str) -> bool:
        """Whether the agent says of a part of the fleet that it is not well."""
        return any(one.name == component and one.state == State.DEGRADED for one in self._fleet.snapshot().components)

    def says(self, words: str) -> bool:
        """Whether the agent gives that as a reason why some part of the fleet is as it is."""
        return any(words in one.reason for one in self._fleet.snapshot().components)

    @property
    def _fleet(self) -> FleetUnderTest:
        assert self.fleet is not None, "the fleet was not started"
        return self.fleet

    def _fleet_yaml(self) -> str:
        schedulers = "" if self.topology.schedulers == 1 else f"scheduler: {self.topology.schedulers}\n"
        return f"""\
name: faults
database: ${{{{ env.{DATABASE} }}}}
broker: ${{{{ env.{BROKER} }}}}
{schedulers}workers: [{{name: worker, slots: {self.topology.slots}}}]
env: {{{journal.FOLDER}: {self.witness_folder}}}
{self._way_in()}{self._settings}"""

    def _way_in(self) -> str:
        """The lines that say where the API is; the last key is ``airflow``, so that settings may go on with it."""
        if self.topology.proxied:
            proxy = f"proxy: {{name: localhost, address: 127.0.0.1, port: {self.api_port}}}"
            return f"api_server: {{count: 2}}\nflower: true\n{proxy}\nairflow:\n  logging: {{logging_level: INFO}}\n"
        core = f'airflow:\n  core: {{execution_api_server_url: "{self.execution_api}"}}\n'
        return f"api_server: {{port: {self.api_port}}}\n{core}"


class StockTarget(_Harness):
    """Airflow alone, every component started again as soon as it ends."""

    name = "stock"

    def __init__(self, topology: Topology | None = None, make_broker: MakeBroker | None = None) -> None:
        super().__init__(topology or Topology(), make_broker)
        self.airflow: StockAirflow | None = None

    def start(self) -> None:
        """Servers, Airflow, Dags."""
        self._begin()
        folder = self.folder / "dags"
        folder.mkdir()
        (folder / workload.FILE_NAME).write_text(workload.file(self.topology.retries))
        more = {f"{SCHEDULER}-{number}": COMPONENTS[SCHEDULER] for number in range(2, self.topology.schedulers + 1)}
        self.airflow = StockAirflow(
            self.folder / "stock",
            dags=folder,
            slots=self.topology.slots,
            settings={
                "core": {"execution_api_server_url": self.execution_api},
                "celery": {"broker_url": self.broker.url},
            },
            environ={journal.FOLDER: str(self.witness_folder)},
            components={**COMPONENTS, **more},
            keep_running=True,
            given_servers=self.servers,
            api_port=self.api_port,
        )
        self._held.callback(self.airflow.stop)
        self.airflow.start()
        begin_watching(self)

    @property
    def api(self) -> Api:
        """Its REST API."""
        return self._stock.api

    def pids(self, kind: str) -> tuple[int, ...]:
        """The first process of every component of a kind that runs now."""
        found = (pid for name, pid in self._stock.pid_of_each().items() if name.startswith(kind))
        return tuple(pid for pid in found if processes.is_alive(pid))

    def processes(self) -> tuple[int, ...]:
        """All that carry its mark."""
        return self._stock.processes()

    def power_off(self) -> None:
        """Everything, until :meth:`power_on`."""
        self._stock.power_off()

    def power_on(self) -> None:
        """Start every component."""
        self._stock.power_on()

    def is_well(self) -> bool:
        """Whether every component beats, answers or takes tasks."""
        return self._stock.is_well()

    def logs(self) -> tuple[Path, ...]:
        """Logs of components and of tasks."""
        return files_below(self._stock.logs, self._stock.task_logs)

    def secrets(self) -> tuple[str, ...]:
        """The generated ones, and those of the servers."""
        return (*self._stock.known_secrets(), *self.servers.passwords(), *password_of(self.broker))

    @property
    def _stock(self) -> StockAirflow:
        assert self.airflow is not None, "Airflow was not started"
        return self.airflow
