"""What every component's module is told to make its part of the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from airfleet.fleet.paths import Paths
from airfleet.fleet.secrets import Secrets
from airfleet.fleet.spec import Fleet


@dataclass(frozen=True)
class Ports:
    """The ports that were found free for this start; None where nothing listens."""

    api_server: int
    postgres: int | None = None
    broker: int | None = None


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
class Context:
    """A fleet on this machine: its places, ports and secrets."""

    fleet: Fleet
    paths: Paths
    ports: Ports
    secrets: Secrets = field(repr=False)
    embedded: Embedded | None = None
    #: cores of this machine
    cores: int = 1

    @property
    def database_url(self) -> str:
        """How SQLAlchemy reaches the metadata database."""
        if self.ports.postgres is None:
            return _with_driver(self.fleet.database)
        password = self.secrets.airflow_password
        # The embedded server has no TLS; asking for it first costs a round trip and OpenSSL's memory.
        options = "sslmode=disable&gssencmode=disable"
        return f"postgresql+psycopg://airflow:{password}@127.0.0.1:{self.ports.postgres}/airflow?{options}"

    @property
    def broker_url(self) -> str:
        """How Celery reaches the broker."""
        if self.ports.broker is None:
            return self.fleet.broker
        return f"redis://:{self.secrets.broker_password}@127.0.0.1:{self.ports.broker}/0"

    @property
    def result_url(self) -> str:
        """How Celery keeps results: the broker's second database, so no worker holds a database password."""
        if self.ports.broker is None:
            return self.fleet.broker
        return f"redis://:{self.secrets.broker_password}@127.0.0.1:{self.ports.broker}/1"

    @property
    def url(self) -> str:
        """Where people and tasks reach the api-server."""
        address = self.fleet.api_server.address
        host = "127.0.0.1" if address in ("0.0.0.0", "::") else address
        return f"http://{f'[{host}]' if ':' in host else host}:{self.ports.api_server}"


def _with_driver(url: str) -> str:
    return "postgresql+psycopg" + url[url.index("://") :]
