"""Stock Airflow on some hosts of this machine, for experiments; see :mod:`faultlab.systems.several_hosts`.

Each has a network, a name and an ``AIRFLOW_HOME`` of its own; Dags and secrets are the same on all. PostgreSQL and
Valkey stand beside them, on this machine's end of their bridge. A component that ends is started again at once, as by a
service manager, unless its host is without power.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airfleet.agent.host import netns
from airfleet.client.api_client import Api
from airfleet.drill import journal, workload
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network
from airfleet.fleet.planning.paths import HOST
from airfleet.fleet.servers import secrets
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers
from faultlab.systems.several_hosts import SeveralHosts
from faultlab.systems.simulated_hosts import PlayedHosts
from faultlab.systems.stock_airflow import COMPONENTS, StockAirflow
from faultlab.systems.system import (
    SCHEDULER,
    WORKER,
    MakeBroker,
    Topology,
    begin_watching,
    files_below,
    password_of,
)


class StockHosts(PlayedHosts):
    """Host -> what of Airflow runs on it."""

    def __init__(self, network: Network, airflows: Mapping[str, StockAirflow]) -> None:
        self._network = network
        self._airflows = airflows

    @property
    def names(self) -> tuple[str, ...]:
        """All hosts."""
        return tuple(self._airflows)

    @property
    def network(self) -> Network:
        """The bridge between them."""
        return self._network

    def on(self, host: str) -> StockAirflow:
        """What runs there."""
        return self._airflows[host]

    def pids_on(self, host: str) -> tuple[int, ...]:
        """Every process of Airflow there."""
        return self.on(host).processes()

    def pid_of(self, host: str, component: str) -> int:
        """The process of a component there."""
        return self.on(host).component(component)

    def power_off(self, host: str) -> None:
        """Nothing is started there until :meth:`start_again`."""
        self.on(host).power_off()

    def shut_down(self, host: str) -> None:
        """Likewise, with time to end what runs."""
        self.on(host).shut_down()

    def start_again(self, host: str) -> None:
        """It boots; nothing is waited for."""
        self.on(host).power_on()


class StockHostsTarget(SeveralHosts):
    """As many hosts of stock Airflow as the topology says. Needs root's rights."""

    name = "stock"

    def __init__(self, topology: Topology, make_broker: MakeBroker | None = None) -> None:
        super().__init__(topology, netns=True, make_broker=make_broker)
        self._stock: StockHosts | None = None

    def start(self) -> None:
        """Servers, hosts, Dags."""
        self._begin()
        network = self._make_network()
        self._stock = StockHosts(network, self._airflows(network, *self._start_servers(network)))
        for host in self._stock.names:
            self._held.enter_context(self._stock.on(host))
        begin_watching(self)

    @property
    def hosts(self) -> StockHosts:
        """Its hosts."""
        assert self._stock is not None, "Airflow was not started"
        return self._stock

    @property
    def api(self) -> Api:
        """Its REST API, on the first host."""
        return self._first.api

    @property
    def database_url(self) -> str:
        """``postgresql://...`` of the metadata database, beside the hosts."""
        return self._first.database_url

    def is_well(self) -> bool:
        """Whether every component of every host beats, answers or takes tasks."""
        return all(self.hosts.on(host).is_well() for host in self.hosts.names)

    def logs(self) -> tuple[Path, ...]:
        """Logs of components and of tasks, of all hosts."""
        airflows = [self.hosts.on(host) for host in self.hosts.names]
        return files_below(*(folder for one in airflows for folder in (one.logs, one.task_logs)))

    def secrets(self) -> tuple[str, ...]:
        """The generated ones, and those of the servers."""
        assert self._servers is not None, "the servers were not started"
        return (*self._first.known_secrets(), *self._servers.passwords(), *password_of(self._broker))

    @property
    def _first(self) -> StockAirflow:
        return self.hosts.on(self.hosts.names[0])

    def _airflows(self, network: Network, servers: Servers, broker: str) -> dict[str, StockAirflow]:
        dags = self.folder / "dags"
        dags.mkdir()
        (dags / workload.FILE_NAME).write_text(workload.file(self.topology.retries))
        names, shared, (port,) = local_hosts.names(self.topology.hosts), secrets.generate(), free_ports(1)
        environ = {journal.FOLDER: str(self.witness_folder), **self._make_clocks(names)}
        return {
            host: StockAirflow(
                self.folder / host,
                dags=dags,
                slots=self.topology.slots,
                settings={"celery": {"broker_url": broker}},
                environ={**environ, HOST: host},
                components=components_of(number),
                keep_running=True,
                given_servers=servers,
                given_secrets=shared,
                api_address=f"{network.prefix}.1",
                api_port=port,
                migrates=number == 1,
                within=words_before(network, number, host),
            )
            for number, host in enumerate(names, start=1)
        }


def components_of(number: int) -> dict[str, tuple[str, ...]]:
    """What runs on a host, as in a fleet; they count from 1.

    >>> list(components_of(1)), list(components_of(2)), list(components_of(3))
    (['api-server', 'scheduler', 'dag-processor', 'triggerer', 'worker'], ['scheduler', 'worker'], ['worker'])
    """
    wanted = {1: tuple(COMPONENTS), 2: (SCHEDULER, WORKER)}.get(number, (WORKER,))
    return {name: COMPONENTS[name] for name in wanted}


def words_before(network: Network, number: int, name: str) -> tuple[str, ...]:
    """What starts a command in the network of a host, with the name of the host as the machine's."""
    inside = netns.within([], {NAMESPACE: network.namespace(number)})
    named = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'
    return (*inside, "unshare", "--uts", "--", "sh", "-c", named, name)
