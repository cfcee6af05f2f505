"""What ``fleet.yaml`` says, as frozen values: no disk, no clock, no Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EMBEDDED = "embedded"


@dataclass(frozen=True)
class ApiServer:
    """The UI, the REST API and the execution API."""

    address: str = "127.0.0.1"
    #: the port it must have; None is 8080 or the next free one
    port: int | None = None


@dataclass(frozen=True)
class Worker:
    """One Celery worker."""

    name: str = "worker"
    queues: tuple[str, ...] = ("default",)
    #: concurrent tasks; None is one per core
    slots: int | None = None


@dataclass(frozen=True)
class Fleet:
    """One fleet: what runs on this machine, and with what."""

    name: str
    #: the folder that holds fleet.yaml, absolute
    root: str
    #: the folder of pipelines, relative to ``root``
    pipelines: str = "pipelines"
    #: ``embedded`` or a PostgreSQL URL
    database: str = EMBEDDED
    #: ``embedded`` or a Redis or Valkey URL
    broker: str = EMBEDDED
    api_server: ApiServer = ApiServer()
    workers: tuple[Worker, ...] = (Worker(),)
    #: whether a triggerer runs (deferrable operators need one)
    triggerer: bool = True
    #: user of the UI and the REST API; the password is generated
    user: str = "admin"
    #: ``${{ vars.name }}`` in pipelines
    variables: Mapping[str, str] = field(default_factory=dict)
    #: environment of every component and task
    environment: Mapping[str, str] = field(default_factory=dict)
    #: any other Airflow setting: section -> key -> value
    airflow: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue that some worker listens to, once."""
        return tuple(dict.fromkeys(queue for worker in self.workers for queue in worker.queues))

    @property
    def task_environment(self) -> Mapping[str, str]:
        """What fleet.yaml adds to the environment of components and tasks: ``env:``, and ``vars:`` by name."""
        return {**{f"AIRFLEET_VAR_{name}": value for name, value in self.variables.items()}, **self.environment}
