"""The machine beside its components: disks, files that hosts compare, import errors, api-servers of other hosts."""

from __future__ import annotations

from collections.abc import Callable

from airfleet.agent.cluster.local_facts import LocalFacts
from airfleet.agent.cluster.member import ClusterRole
from airfleet.agent.context import AgentContext
from airfleet.agent.host.api_discovery import ApiDiscovery
from airfleet.agent.host.disk_monitor import DiskMonitor
from airfleet.agent.host.import_errors import ImportErrorWatch
from airfleet.agent.probes.database_connection import Queries
from airfleet.agent.servers.embedded_servers import SYSTEM_STATE
from airfleet.agent.supervisor.components import NGINX, Components
from airfleet.fleet.planning.plan import Exec


class HostMonitor:
    """Looks at one machine. ``wake`` is called from threads when there is news."""

    def __init__(
        self, context: AgentContext, database: Queries, facts: LocalFacts | None, wake: Callable[[], None]
    ) -> None:
        plan, paths = context.plan, context.paths
        folders = (paths.home, paths.logs, paths.task_logs, SYSTEM_STATE / context.fleet_id)
        self._log = context.log
        self._has_api = bool(plan.execution_urls)
        self._facts = facts
        self._disks = DiskMonitor(folders, context.log, wake)
        self.import_errors = ImportErrorWatch(database, context.clock)
        self.api = ApiDiscovery(plan, paths.airflow_home, context.log)

    def start(self) -> None:
        """Begin to look at disks and files."""
        self._disks.start()
        if self._facts:
            self._facts.start(self._log)

    def tell_of_api_servers(self, components: Components, cluster: ClusterRole) -> None:
        """Have this host's tasks ask, and its nginx serve, the api-servers that there are now."""
        if not self._has_api:
            return
        self.api.look(components.api_addresses(), cluster.rows)
        nginx = components.get(NGINX)
        if nginx is not None and isinstance(nginx.component.start, Exec):
            self.api.tell_nginx(nginx.component.start, nginx.pid)

    @property
    def disk_trouble(self) -> str:
        """Return which disks are full, as a sentence; empty while all have room."""
        return self._disks.trouble

    def close(self) -> None:
        """Look no more."""
        self._disks.close()
        if self._facts:
            self._facts.close()
