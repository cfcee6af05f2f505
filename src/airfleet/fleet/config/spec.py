"""The contents of ``fleet.yaml``, as frozen values: no disk, no clock, no Airflow.

A fleet always has hosts. A file without ``hosts:`` means one, named :data:`LOCAL`, on which everything
runs; so whoever reads these values needs no second case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from airfleet.fleet.config.objects import Objects
from airfleet.fleet.servers import own_servers
from airfleet.fleet.servers.own_servers import EMBEDDED
from airfleet.releases.stores.objects import DATABASE_STORE

#: name and address of the one host of a fleet without ``hosts:``
LOCAL = "local"
LOOPBACK = "127.0.0.1"

#: where an api-server listens when nobody says another port
API_PORT = 8080
#: where a log server listens, or on the next free port
LOGS_PORT = 8793

#: Airflow's own auth manager, which a fleet has unless it names another one
SIMPLE_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"

OnPartition = Literal["keep", "replace"]
OnWorkerLost = Literal["rerun", "fail"]
Profile = Literal["small", "standard"]


@dataclass(frozen=True)
class Instances:
    """How many components of one kind a host runs."""

    count: int = 1
    #: memory that each may use with all its processes; None is no limit
    memory_bytes: int | None = None
    #: of a dag-processor and a triggerer: whether it runs also while it has nothing to do
    awake: bool = False


NONE = Instances(count=0)


@dataclass(frozen=True)
class ApiServer:
    """The UI, the REST API and the execution API."""

    #: what it listens on; None is the address of its host
    address: str | None = None
    #: the port it must have (the second one has the next); None is 8080, or on a fleet of one host the next free one
    port: int | None = None
    count: int = 1
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Worker:
    """One Celery worker, or ``count`` alike."""

    name: str = "worker"
    queues: tuple[str, ...] = ("default",)
    #: concurrent tasks; None is as many as the host has room for
    slots: int | None = None
    #: memory that it may use with all its tasks; None is no limit
    memory_bytes: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Host:
    """One machine and the components it runs."""

    name: str
    #: how the other hosts reach it
    address: str
    scheduler: Instances = NONE
    api_server: ApiServer = ApiServer(count=0)
    dag_processor: Instances = NONE
    triggerer: Instances = NONE
    workers: tuple[Worker, ...] = ()
    #: where ``airfleet deploy`` logs in, as ``ssh`` takes it; empty is ``address``
    ssh: str = ""

    @property
    def api_addresses(self) -> tuple[tuple[str, int], ...]:
        """Where the others reach its api-servers."""
        first = self.api_server.port or API_PORT
        return tuple((self.address, first + number) for number in range(self.api_server.count))


def local_host(
    *,
    scheduler: Instances = Instances(),
    api_server: ApiServer = ApiServer(),
    dag_processor: Instances = Instances(),
    triggerer: Instances = Instances(),
    workers: tuple[Worker, ...] = (Worker(),),
) -> Host:
    """Make the one host of a fleet without ``hosts:``; it runs one of each unless told otherwise."""
    return Host(LOCAL, LOOPBACK, scheduler, api_server, dag_processor, triggerer, workers)


@dataclass(frozen=True)
class Tls:
    """PEM files that the proxy reads."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Proxy:
    """nginx in front of the api-servers and Flower."""

    #: the hosts it runs on; none when people run one themselves, on the fleet's machine
    on: tuple[str, ...]
    #: the host name that people type
    name: str
    address: str = "0.0.0.0"
    #: None is 443 with TLS and 80 without
    port: int | None = None
    #: URL path of Airflow: ``/`` or ``/myorg/airflow``, never with a slash at the end
    airflow_path: str = "/"
    #: URL path of Flower
    flower_path: str = "/flower"
    tls: Tls | None = None
    #: with TLS, the port from which plain HTTP is led to it; None is 80 when ``port`` is the usual one, 0 is none
    redirect: int | None = None

    @property
    def own_port(self) -> int:
        """The port that people reach it at."""
        return self.port or (443 if self.tls else 80)

    @property
    def plain_port(self) -> int | None:
        """The port that does nothing but lead to TLS."""
        if self.tls is None:
            return None
        usual = 80 if self.port in (None, 443) else 0
        return (usual if self.redirect is None else self.redirect) or None

    @property
    def url(self) -> str:
        """Where people reach Airflow, without a slash at the end."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        port = "" if self.port in (None, usual) else f":{self.port}"
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{scheme}://{name}{port}{self.airflow_path.rstrip('/')}"


@dataclass(frozen=True)
class Flower:
    """The page about workers and queues that comes with Celery."""

    #: the host it runs on
    on: str
    #: what it listens on; None is the address of its host
    address: str | None = None
    port: int = 5555
    #: who may enter; the password is generated
    user: str = "flower"
    #: whether it only shows: no worker is stopped, no task revoked from it
    read_only: bool = True
    memory_bytes: int | None = None
    #: whether it runs also while nobody looks; None: except in the profile ``small``
    awake: bool | None = None


@dataclass(frozen=True)
class PushPolicy:
    """Conditions under which a release goes live."""

    #: so many people beside its author approve it
    approval: int = 0
    #: the file of allowed signers, relative to the folder of fleet.yaml; empty where nobody has to sign
    signed_by: str = ""


@dataclass(frozen=True)
class Policies:
    """Actions of a fleet in doubt."""

    #: a host that the others do not see: leave its tasks to it, or run them again elsewhere
    on_partition: OnPartition = "replace"
    #: a task whose worker died: start it again, or let it fail (and use up a retry)
    on_worker_lost: OnWorkerLost = "rerun"
    push: PushPolicy = PushPolicy()


@dataclass(frozen=True)
class Releases:
    """Where releases of the project folder are kept, and how many."""

    #: ``database``, the absolute path of a folder that all hosts have, or the URL of a bucket
    store: str = DATABASE_STORE
    #: so many of the newest stay, beside those that are live or in use
    keep: int = 10
    #: bytes that they may have in the database
    budget_bytes: int = 2**30


@dataclass(frozen=True)
class Deploy:
    """How ``airfleet deploy`` brings a fleet to its hosts."""

    #: who logs in where a host's ``ssh`` names nobody; empty leaves it to the configuration of ``ssh``
    user: str = ""
    #: the folder on each host, below the home of that user or absolute; empty is ``airfleet/NAME``
    folder: str = ""
    #: the minor version of Python on the hosts; empty is the one that runs here, or the newest that a host has
    python: str = ""
    #: a lock beside fleet.yaml, with hashes, of packages that hosts have beside airfleet's; empty for none
    requirements: str = ""
    #: how long running tasks may take to end before a host is stopped
    drain_seconds: float = 600.0


@dataclass(frozen=True)
class Fleet:
    """One fleet: what runs where, and with what."""

    name: str
    #: the folder that holds fleet.yaml, absolute
    root: str
    #: the folder of pipelines, relative to ``root``
    pipelines: str = "pipelines"
    hosts: tuple[Host, ...] = (local_host(),)
    #: the size of machine that servers are set up for; None: each host finds it by its memory
    profile: Profile | None = None
    #: ``embedded``, ``system`` with perhaps a version or folder, or a PostgreSQL URL, with several hosts perhaps
    database: str = field(default=EMBEDDED, repr=False)
    #: ``embedded``, ``system`` with perhaps a name or program, or the URL of Redis, Valkey (as ``redis``), Sentinel
    #: or RabbitMQ; several servers stand as URLs of their own, separated by ``;``
    broker: str = field(default=EMBEDDED, repr=False)
    proxy: Proxy | None = None
    flower: Flower | None = None
    policies: Policies = Policies()
    releases: Releases = Releases()
    deploy: Deploy = Deploy()
    #: the folder of secrets, which never travels with pipelines; absolute
    secrets_folder: str = field(default="", compare=False)
    #: ``host:port`` that both of two hosts can reach, to know which of them is cut off
    witness: str | None = None
    #: whether people depend on it: drills ask before they break something
    production: bool = False
    #: logs of components and tasks older than this are deleted; None keeps them
    log_retention_seconds: float | None = None
    #: user of the UI and the REST API; the password is generated
    user: str = "admin"
    #: user of this machine that tasks run as, when root runs the fleet; None is the fleet's own
    task_user: str | None = None
    #: ``${{ vars.name }}`` in pipelines
    vars: Mapping[str, str] = field(default_factory=dict)
    #: environment of every component and task
    environment: Mapping[str, str] = field(default_factory=dict)
    #: any other Airflow setting: section -> key -> value
    airflow: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: those of them (``section.option``) whose values are secret
    secret_settings: frozenset[str] = frozenset()
    #: connections, variables and pools that Airflow has from the start
    objects: Objects = field(default_factory=Objects)

    def host(self, name: str) -> Host:
        """Find the host of this name. Raises KeyError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    @property
    def runs_database(self) -> bool:
        """Whether the agent of its one host runs the database: a wheel's or the machine's."""
        return own_servers.is_own(self.database)

    @property
    def runs_broker(self) -> bool:
        """Whether the agent of its one host runs the broker: a wheel's or the machine's."""
        return own_servers.is_own(self.broker)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Every worker of every host; one with a count stands once."""
        return tuple(worker for host in self.hosts for worker in host.workers)

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue that some worker listens to, once."""
        return tuple(dict.fromkeys(queue for worker in self.workers for queue in worker.queues))

    @property
    def task_environment(self) -> Mapping[str, str]:
        """The variables that fleet.yaml adds to the environment of components and tasks.

        ``vars:`` by name, the time zone of dates that name none, and ``env:``.
        """
        zone = self.airflow.get("core", {}).get("default_timezone")
        return {
            **{f"AIRFLEET_VAR_{name}": value for name, value in self.vars.items()},
            **({"AIRFLOW__CORE__DEFAULT_TIMEZONE": zone} if zone else {}),
            **self.environment,
        }
