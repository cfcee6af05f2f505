"""What an experiment with several hosts is done to, whoever runs on them: a fleet, or stock Airflow.

The first host has what is there once, the second one a scheduler more, each has a worker
(:mod:`airfleet.fleet.planning.local_hosts`), unless the topology wants whole control hosts. With root's rights each has
a network of its own, so that it can be cut off alive and does not close its connections when it dies; without, all
share loopback.
"""

from __future__ import annotations

import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from airfleet.agent.host import netns
from airfleet.drill import killing
from airfleet.drill.records import Note
from airfleet.fleet.planning.local_hosts import Network
from airfleet.testing.lifetime import Startable
from airfleet.testing.servers import Servers
from faultlab.injectors.clock_shim import WrongClocks
from faultlab.systems.simulated_hosts import PlayedHosts
from faultlab.systems.system import Broker, MakeBroker, Observed, Topology


class SeveralHosts(Startable, Observed):
    """An Airflow on as many hosts as the topology says. ``netns``: each has a network of its own.

    ``make_broker``: a broker beside the hosts instead of theirs.
    """

    def __init__(self, topology: Topology, netns: bool, make_broker: MakeBroker | None) -> None:
        self.topology = topology
        self.netns = netns
        self.folder = Path(tempfile.mkdtemp(prefix="airfleet-faults-"))
        self.folder.chmod(0o755)  # whatever user tasks and servers have, they write below it
        self.witness_folder = self.folder / "witness"
        self._make_broker = make_broker
        self._broker: Broker | None = None
        #: beside the hosts, where they stand there
        self._servers: Servers | None = None
        self._clocks: WrongClocks | None = None
        self._held = ExitStack()

    @property
    @abstractmethod
    def hosts(self) -> PlayedHosts:
        """Its hosts."""

    def stop(self) -> None:
        """End it all and remove its files."""
        self._held.close()

    @property
    def clocks(self) -> WrongClocks:
        """The clocks of its hosts."""
        assert self._clocks is not None, "the topology has no clocks that can be set wrong"
        return self._clocks

    def running_on(self, host: str) -> list[Note]:
        """The starts of attempts whose processes live on a host, the oldest first."""
        there = set(self.hosts.pids_on(host))
        return [note for note in killing.running(self.witness_folder) if note.pid in there]

    def attempts_on(self, host: str) -> killing.Attempts:
        """Those that suffer when the host does."""
        there = killing.attempts_of(self.hosts.pids_on(host), self.witness_folder)
        return there | killing.unheard(self.witness_folder)

    # --- what a start needs ------------------------------------------------------------------------

    def _begin(self) -> None:
        self.witness_folder.mkdir(exist_ok=True)
        self._held.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def _make_network(self) -> Network:
        """A bridge with a network for each host. Raises FleetError without root's rights."""
        network = netns.make(self.topology.hosts, self.folder)
        self._held.callback(netns.remove, network)
        return network

    def _start_servers(self, network: Network) -> tuple[Servers, str]:
        """The servers beside the hosts, on this machine's end of their bridge, and the URL of the broker there."""
        address = f"{network.prefix}.254"
        self._servers = self._held.enter_context(Servers(self.folder / "servers", address=address))
        self._servers.database("airflow")
        make = self._make_broker
        return self._servers, self._start_broker(make, address).url if make else self._servers.broker()

    def _start_broker(self, make: MakeBroker, address: str) -> Broker:
        self._broker = make(self.folder / "broker", address)
        self._held.callback(self._broker.end)
        self._broker.start()
        return self._broker

    def _make_clocks(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """What every process needs in its environment, so that its clock can be set wrong, if any is to be."""
        if not self.topology.clocks:
            return {}
        self._clocks = WrongClocks(self.folder / "clocks", names)
        return self._clocks.environment
