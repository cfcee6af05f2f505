"""The context from which every component's module makes its part of the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import LOCAL, LOOPBACK, Fleet, Host
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import ReleaseHosts
from airfleet.fleet.servers import brokers, databases
from airfleet.fleet.servers.brokers import Broker
from airfleet.fleet.servers.secrets import Secrets


@dataclass(frozen=True)
class Ports:
    """The ports of this host's components; None where nothing listens."""

    #: one for each api-server of this host
    api_servers: tuple[int, ...] = ()
    postgres: int | None = None
    broker: int | None = None
    flower: int | None = None
    #: nginx's local door: how it is, and the execution API for the workers of this host
    nginx: int | None = None
    #: where the agents of other hosts ask this one; None in a fleet of one host
    agent: int | None = None
    #: where api-servers of other hosts read the logs of this one's tasks
    logs: int | None = None


@dataclass(frozen=True)
class Embedded:
    """Programs and data folders of the embedded servers."""

    #: bin folder of PostgreSQL
    postgres_bin: Path
    postgres_data: Path
    valkey_server: Path
    valkey_data: Path
    #: the user they run as when the agent is root; None otherwise
    user: str | None = None


@dataclass(frozen=True)
class Nginx:
    """The nginx of this machine."""

    program: Path
    version: tuple[int, int, int]
    #: its configuration and temporary files
    folder: Path
    #: the user that it serves as when the agent is root; None otherwise
    user: str | None = None


@dataclass(frozen=True)
class Context:
    """A fleet on one of its hosts: places, ports and secrets there."""

    fleet: Fleet
    paths: Paths
    ports: Ports
    secrets: Secrets = field(repr=False)
    embedded: Embedded | None = None
    nginx: Nginx | None = None
    #: cores of this machine
    cores: int = 1
    #: bytes of memory that processes of this machine may use; None where that is not known
    memory_bytes: int | None = None
    #: the name of this machine in the fleet
    host: str = LOCAL
    #: the user that tasks run as; None is the agent's own
    task_user: str | None = None

    @property
    def here(self) -> Host:
        """This machine as fleet.yaml describes it."""
        return self.fleet.host(self.host)

    @property
    def uses_database(self) -> bool:
        """Whether something of Airflow's on this host connects to the metadata database."""
        here = self.here
        counts = (here.scheduler.count, here.dag_processor.count, here.triggerer.count, len(self.ports.api_servers))
        return any(counts)

    @property
    def runs_airflow(self) -> bool:
        """Whether anything of Airflow's runs on this host."""
        beside = self.ports.logs is not None or (self.fleet.flower is not None and self.ports.flower is not None)
        return self.uses_database or bool(self.here.workers) or beside

    @property
    def database_url(self) -> str:
        """How SQLAlchemy reaches the metadata database."""
        if self.ports.postgres is None:
            return databases.for_sqlalchemy(self.fleet.database)
        password = self.secrets.airflow_password
        # The embedded server has no TLS; asking for it first costs a round trip and OpenSSL's memory.
        options = "sslmode=disable&gssencmode=disable"
        return f"postgresql+psycopg://airflow:{password}@127.0.0.1:{self.ports.postgres}/airflow?{options}"

    @property
    def broker(self) -> Broker:
        """Where messages are."""
        if self.ports.broker is None:
            return brokers.parse(self.fleet.broker)
        return Broker("redis", ((LOOPBACK, self.ports.broker),), password=self.secrets.broker_password, path="0")

    @property
    def name_in_broker(self) -> str:
        """The prefix of this fleet's queues: the same on all its hosts, and different from other fleets'.

        It comes of the fleet's name and of the key that its agents share, so it outlives a move of the database.
        """
        mark = self.secrets.fleet_mark
        return f"{self.fleet.name}-{mark}" if mark else self.fleet.name

    @property
    def told_outcomes_url(self) -> str:
        """Where Celery leaves a worker's failures: in files that this host's agent takes to the database."""
        return f"airfleet.worker.result_backend:WorkerOutcomes+file://{self.paths.outcomes}"

    @property
    def known_outcomes_url(self) -> str:
        """Where Celery reads them: in the database."""
        return "airfleet.worker.result_backend:SchedulerOutcomes+database://"

    @property
    def url(self) -> str:
        """Where people reach the fleet."""
        return self.fleet.proxy.url if self.fleet.proxy else self.api_urls[0]

    @property
    def api_urls(self) -> tuple[str, ...]:
        """Every api-server of the fleet as this host reaches it, its own first."""
        return tuple(f"http://{server}{self.root_path}" for server in self.api_servers)

    @property
    def api_servers(self) -> tuple[str, ...]:
        """``host:port`` of the same."""
        return tuple(server for servers in self.api_servers_of_hosts.values() for server in servers)

    @property
    def api_servers_of_hosts(self) -> dict[str, tuple[str, ...]]:
        """The same by the names of their hosts."""
        own = tuple(_place(self.own_address, port) for port in self.ports.api_servers)
        others = (host for host in self.fleet.hosts if host.name != self.host)
        return {self.host: own, **{host.name: tuple(_place(*place) for place in host.api_addresses) for host in others}}

    @property
    def root_path(self) -> str:
        """The path below which Airflow serves everything: nothing, or like ``/myorg/airflow``."""
        return self.fleet.proxy.airflow_path.rstrip("/") if self.fleet.proxy else ""

    @property
    def execution_url(self) -> str:
        """Where this host's tasks reach the execution API: over nginx when there are several api-servers."""
        if self.ports.nginx is not None and len(self.api_servers) > 1:
            return f"http://{_place(LOOPBACK, self.ports.nginx)}{self.root_path}/execution/"
        return f"{self.api_urls[0]}/execution/"

    @property
    def execution_urls(self) -> tuple[str, ...]:
        """Every way to an execution API: what tasks are told to ask first, then the servers themselves."""
        servers = (f"{url}/execution/" for url in self.api_urls)
        return tuple(dict.fromkeys((self.execution_url, *servers)))

    @property
    def serves_logs(self) -> bool:
        """Whether tasks of this fleet write their logs into several folders."""
        return logs_are_apart(self.fleet, self.paths)

    @property
    def release_hosts(self) -> ReleaseHosts | None:
        """Where this host takes objects of releases that its store does not give."""
        others = {host: places for host, places in self.api_servers_of_hosts.items() if host != self.host and places}
        urls = {host: tuple(f"http://{place}{self.root_path}" for place in places) for host, places in others.items()}
        return ReleaseHosts(urls, self.secrets.releases_key) if urls else None

    @property
    def served_addresses(self) -> tuple[str, ...]:
        """The addresses of embedded servers: loopback, and one for the other hosts of this machine."""
        address = self.here.address
        return (LOOPBACK, address) if local_hosts.is_played(address) and not is_loopback(address) else (LOOPBACK,)

    @property
    def api_address(self) -> str:
        """The listening address of this host's api-servers."""
        return self.here.api_server.address or self.here.address

    @property
    def own_address(self) -> str:
        """Where this host itself reaches them."""
        return LOOPBACK if self.api_address in ("0.0.0.0", "::") else self.api_address


def logs_are_apart(fleet: Fleet, paths: Paths) -> bool:
    """Tell whether each host has a folder of logs of its own: not if one machine plays all in one folder."""
    together = paths.shared is not None and all(local_hosts.is_played(host.address) for host in fleet.hosts)
    return len(fleet.hosts) > 1 and local_hosts.is_named(fleet) and not together


def needs_log_server(fleet: Fleet, here: Host, paths: Paths) -> bool:
    """Tell whether components of this host, or tasks, write logs that other hosts may read."""
    instances = (here.scheduler, here.dag_processor, here.triggerer, here.api_server)
    return bool(here.workers or any(one.count for one in instances)) and logs_are_apart(fleet, paths)


def _place(address: str, port: int) -> str:
    return f"{f'[{address}]' if ':' in address else address}:{port}"
