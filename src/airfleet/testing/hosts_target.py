"""What an experiment with several hosts is done to: a fleet of some hosts on this machine.

The first host has the servers and what is there once, the second one a scheduler more, each has a worker
(:mod:`airfleet.fleet.local_hosts`). With root's rights each has a network of its own, so that it can be cut off alive
and does not close its connections when it dies; without, all share loopback.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from airfleet.agent.control import AgentGone
from airfleet.agent.states import State
from airfleet.cli.rest import Api
from airfleet.fleet import secrets
from airfleet.fleet.spec import LOOPBACK
from airfleet.testing import nemesis, witness, workload
from airfleet.testing.beside import place_beside
from airfleet.testing.history import Note
from airfleet.testing.hosts import HostsUnderTest
from airfleet.testing.lifetime import Startable
from airfleet.testing.targets import BROKER, Broker, MakeBroker, Topology, begin_watching, files_below, password_of
from airfleet.testing.wrong_clocks import WrongClocks


class HostsTarget(Startable):
    """A fleet of as many hosts as the topology says. ``netns``: each has a network; None: where we have the rights.

    ``make_broker``: a broker beside the fleet instead of its own.
    """

    name = "airfleet"

    def __init__(self, topology: Topology, netns: bool | None = None, make_broker: MakeBroker | None = None) -> None:
        self.topology = topology
        self.netns = os.geteuid() == 0 if netns is None else netns
        self.folder = Path(tempfile.mkdtemp(prefix="airfleet-faults-"))
        self.folder.chmod(0o755)  # tasks of whatever user write below it
        self.witness_folder = self.folder / "witness"
        self._make_broker = make_broker
        self._broker: Broker | None = None
        self._database_url = ""
        self._fleet: HostsUnderTest | None = None
        self._clocks: WrongClocks | None = None
        self._held = ExitStack()

    def start(self) -> None:
        """Hosts, Dags."""
        self.witness_folder.mkdir(exist_ok=True)
        self._held.callback(shutil.rmtree, self.folder, ignore_errors=True)
        files = {f"pipelines/{workload.FILE_NAME}": workload.FILE}
        self._fleet = HostsUnderTest.of(self._fleet_yaml(), self.topology.hosts, files, netns=self.netns)
        self._held.callback(self._fleet.remove)
        if self._make_broker is not None:
            self._broker = self._start_broker(self._make_broker)
            self._fleet.environ = {**self._fleet.environ, BROKER: self._broker.url}
        if self.topology.clocks:
            self._clocks = WrongClocks(self.folder / "clocks", self._fleet.names)
            self._fleet.environ = {**self._fleet.environ, **self._clocks.environment}
        self._fleet.start()
        # Asked once: the host that could say it may be down when the database is not.
        self._database_url = self._find_database()
        begin_watching(self)

    def stop(self) -> None:
        """End it all and remove its files."""
        self._held.close()

    @property
    def fleet(self) -> HostsUnderTest:
        """Its hosts."""
        assert self._fleet is not None, "the fleet was not started"
        return self._fleet

    @property
    def clocks(self) -> WrongClocks:
        """The clocks of its hosts."""
        assert self._clocks is not None, "the topology has no clocks that can be set wrong"
        return self._clocks

    @property
    def api(self) -> Api:
        """Its REST API, on the first host."""
        return self.fleet.api

    @property
    def database_url(self) -> str:
        """``postgresql://...`` of the metadata database, on the first host."""
        return self._database_url

    def is_well(self) -> bool:
        """Whether every host says so of itself, and the first one sees them all."""
        try:
            hosts = [self.fleet.on(name).snapshot() for name in self.fleet.names]
        except (AgentGone, OSError):
            return False
        return all(one.healthy for one in hosts) and all(host.state == "up" for host in hosts[0].hosts)

    def logs(self) -> tuple[Path, ...]:
        """Logs of agents, of components and of tasks, of all hosts."""
        paths = [self.fleet.on(name).paths for name in self.fleet.names]
        return files_below(*(folder for one in paths for folder in (one.logs, one.task_logs)))

    def secrets(self) -> tuple[str, ...]:
        """The generated ones, and that of a broker beside the fleet."""
        return (*self.fleet.known_secrets(), *password_of(self._broker))

    def is_told(self, host: str, part: str) -> bool:
        """Whether the agent of a host says of a part of it that it is not well."""
        return any(
            one.name == part and one.state == State.DEGRADED for one in self.fleet.on(host).snapshot().components
        )

    # --- what runs on one of its hosts -----------------------------------------------------------

    def running_on(self, host: str) -> list[Note]:
        """The starts of attempts whose processes live there, the oldest first."""
        there = set(self.fleet.on(host).pids())
        return [note for note in nemesis.running(self.witness_folder) if note.pid in there]

    def attempts_on(self, host: str) -> nemesis.Attempts:
        """Those that suffer when the host does."""
        there = nemesis.attempts_of(self.fleet.on(host).pids(), self.witness_folder)
        return there | nemesis.unheard(self.witness_folder)

    def _start_broker(self, make: MakeBroker) -> Broker:
        address = self._held.enter_context(place_beside()) if self.netns else LOOPBACK
        broker = make(self.folder / "broker", address)
        self._held.callback(broker.end)
        broker.start()
        return broker

    def _find_database(self) -> str:
        address = self.fleet.component("postgres").address
        if self.netns:
            address = f"{self.fleet.network.prefix}.1:{address.rpartition(':')[2]}"
        password = secrets.load_or_generate(self.fleet.paths.secrets).airflow_password
        return f"postgresql://airflow:{password}@{address}/airflow"

    def _fleet_yaml(self) -> str:
        broker = f"broker: ${{{{ env.{BROKER} }}}}\n" if self._make_broker is not None else ""
        return f"""\
name: hosts
{broker}\
workers: [{{name: worker, slots: {self.topology.slots}}}]
policies: {{on_partition: {self.topology.on_partition}}}
env: {{{witness.FOLDER}: "{self.witness_folder}"}}
"""
