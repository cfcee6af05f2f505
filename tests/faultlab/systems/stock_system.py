"""Stock Airflow as a system under test, on one host or several.

Each of several hosts has a network, a name and an ``AIRFLOW_HOME`` of its own; Dags and secrets are the same on all. A
component that ends is started again at once, as by a service manager, unless its host is without power.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airfleet.agent.host import netns
from airfleet.client.api_client import Api
from airfleet.drill import journal, workload
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network
from airfleet.fleet.planning.paths import HOST
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets
from airfleet.system import procfs
from faultlab.servers.broker import MakeBroker
from faultlab.systems.stock_airflow import COMPONENTS, StockAirflow
from faultlab.systems.system import System, there
from faultlab.systems.topology import SCHEDULER, WORKER, Topology


class StockSystem(System):
    """Airflow alone. Several hosts need root's rights, for their networks."""

    name = "stock"

    def __init__(self, topology: Topology | None = None, make_broker: MakeBroker | None = None) -> None:
        super().__init__(topology, make_broker, netns=True)
        self._airflows: dict[str, StockAirflow] = {}

    def on(self, host: str) -> StockAirflow:
        """Give the Airflow of a host."""
        return there(self._airflows.get(host), f"Airflow on {host}")

    @property
    def api(self) -> Api:
        """Give the REST API, on the first host."""
        return self.on(self.names[0]).api

    def is_well(self) -> bool:
        """Tell whether every component of every host beats, answers or takes tasks."""
        return all(self.on(host).is_well() for host in self.names)

    def log_folders(self) -> tuple[Path, ...]:
        """List the folders of the logs of components and of tasks."""
        return tuple(folder for one in self._airflows.values() for folder in (one.logs, one.task_logs))

    def known_secrets(self) -> tuple[str, ...]:
        """List the generated ones, which all hosts share."""
        return self.on(self.names[0]).known_secrets()

    def pids_on(self, host: str, kind: str) -> tuple[int, ...]:
        """List those that were started last and live."""
        found = (pid for name, pid in self.on(host).pid_of_each().items() if name.startswith(kind))
        return tuple(pid for pid in found if procfs.is_alive(pid))

    def processes_on(self, host: str) -> tuple[int, ...]:
        """Find them by their mark."""
        return self.on(host).processes()

    def power_off(self, host: str) -> None:
        """End everything; nothing is started until :meth:`power_on`."""
        self.on(host).power_off()

    def shut_down(self, host: str) -> None:
        """End everything, with time for running tasks."""
        self.on(host).shut_down()

    def power_on(self, host: str) -> None:
        """Start every component, and wait for nothing."""
        self.on(host).power_on()

    def _start_airflow(self) -> None:
        dags = self.folder / "dags"
        dags.mkdir()
        (dags / workload.FILE_NAME).write_text(workload.file(self.topology.retries))
        shared = secrets.generate()
        for number, host in enumerate(self.names, start=1):
            airflow = self._airflows[host] = self._airflow(number, host, dags, shared)
            self._held.enter_context(airflow)

    def _airflow(self, number: int, host: str, dags: Path, shared: Secrets) -> StockAirflow:
        clocks = self._clocks.environment if self._clocks else {}
        return StockAirflow(
            self.folder / host,
            dags=dags,
            slots=self.topology.slots,
            settings=self._airflow_settings(),
            environ={journal.FOLDER: str(self.witness_folder), HOST: host, **clocks},
            components=components_of(number, self.topology.schedulers),
            keep_running=True,
            given_servers=self.servers,
            given_secrets=shared,
            api_address=f"{self._network.prefix}.1" if self._network else LOOPBACK,
            api_port=self.api_port,
            migrates=number == 1,
            within=words_before(self._network, number, host) if self._network else (),
        )

    def _airflow_settings(self) -> Mapping[str, Mapping[str, str]]:
        gate = f"http://127.0.0.1:{self.gate.port}/execution/" if self._gate else ""
        return {
            "celery": {"broker_url": self.broker.url},
            **({"core": {"execution_api_server_url": gate}} if gate else {}),
        }


def components_of(number: int, schedulers: int = 1) -> dict[str, tuple[str, ...]]:
    """Give the components of a host, as in a fleet; hosts count from 1. ``schedulers`` are those of the first one.

    >>> list(components_of(1)), list(components_of(2)), list(components_of(3))
    (['api-server', 'scheduler', 'dag-processor', 'triggerer', 'worker'], ['scheduler', 'worker'], ['worker'])
    """
    wanted = {1: tuple(COMPONENTS), 2: (SCHEDULER, WORKER)}.get(number, (WORKER,))
    more = [f"{SCHEDULER}-{one}" for one in range(2, schedulers + 1)] if number == 1 else []
    return {**{name: COMPONENTS[name] for name in wanted}, **dict.fromkeys(more, COMPONENTS[SCHEDULER])}


def words_before(network: Network, number: int, name: str) -> tuple[str, ...]:
    """Give the words that start a command in the network of a host, under the name of that host."""
    inside = netns.within([], {NAMESPACE: network.namespace(number)})
    named = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'
    return (*inside, "unshare", "--uts", "--", "sh", "-c", named, name)
