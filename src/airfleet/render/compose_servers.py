"""Database and broker as services of a compose project, from their URLs in fleet.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airfleet.errors import FleetError

_PASSWORD = r"(?P<user>[A-Za-z0-9_.-]*):\$\{\{\s*secrets\.(?P<secret>[A-Za-z0-9_.-]+)\s*\}\}@"
_PLACE = r"(?P<host>[a-z][a-z0-9-]*)(?::(?P<port>\d+))?/(?P<path>[A-Za-z0-9_-]*)"
_DATABASE = re.compile(rf"(?P<scheme>postgresql)://{_PASSWORD}{_PLACE}(?:\?.*)?")
_BROKER = re.compile(rf"(?P<scheme>redis|valkey|amqp)://{_PASSWORD}{_PLACE}(?:\?.*)?")
_DATABASE_LIKE: Final = "database: postgresql://airflow:${{ secrets.database_password }}@postgres/airflow"
_BROKER_LIKE: Final = "broker: redis://:${{ secrets.broker_password }}@valkey:6379/0"
#: the standard ports, at which images listen
_PORTS: Final = {"postgresql": 5432, "redis": 6379, "valkey": 6379, "amqp": 5672}


@dataclass(frozen=True)
class Server:
    """A server of its own image."""

    name: str
    image: str
    #: where the image keeps data
    data: str
    #: the name of the secret that is its password
    secret: str
    #: a shell command that succeeds when it answers
    check: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def volume(self) -> str:
        """The name of its volume."""
        return f"{self.name}-data"

    def service(self, network: str, address: str | None) -> dict[str, Any]:
        """Return the service, in a network of the project; the engine gives it an address where none is told."""
        return {
            "image": self.image,
            **({"command": list(self.command)} if self.command else {}),
            "restart": "unless-stopped",
            "stop_grace_period": "1m",
            "hostname": self.name,  # RabbitMQ finds its data by it
            "networks": {network: {"ipv4_address": address} if address else None},
            **({"environment": dict(self.environment)} if self.environment else {}),
            "volumes": [f"{self.volume}:{self.data}"],
            "secrets": [self.secret],
            "healthcheck": {"test": ["CMD-SHELL", self.check], "interval": "5s", "timeout": "5s", "retries": 12},
        }


def database(url: str) -> Server:
    """Return the server of a database by its URL, as fleet.yaml has it. Raises FleetError for one of another form."""
    found = _required(_DATABASE, url, "database", _DATABASE_LIKE)
    told = {"POSTGRES_USER": found["user"], "POSTGRES_DB": found["path"]}
    return Server(
        name=found["host"],
        image="docker.io/library/postgres:18",
        data="/var/lib/postgresql",
        secret=found["secret"],
        check=f"pg_isready --quiet --username {found['user']} --dbname {found['path']}",
        environment={**told, "POSTGRES_PASSWORD_FILE": f"/run/secrets/{found['secret']}"},
    )


def broker(url: str) -> Server:
    """Return the server of a broker by its URL, as fleet.yaml has it. Raises FleetError for one of another form."""
    found = _required(_BROKER, url, "broker", _BROKER_LIKE)
    if found["scheme"] != "amqp" and found["user"] not in ("", "default"):
        raise FleetError(
            f"the service of a broker has no user '{found['user']}'", hint=f"write it like '{_BROKER_LIKE}'"
        )
    return _rabbitmq(found) if found["scheme"] == "amqp" else _valkey(found)


def _valkey(found: re.Match[str]) -> Server:
    # The password comes by standard input: neither arguments nor environment of a process show it. $$ is compose's $.
    password = rf"""$$(sed 's/[\\"]/\\&/g' /run/secrets/{found["secret"]})"""
    words = f'exec docker-entrypoint.sh valkey-server - <<END\nrequirepass "{password}"\nappendonly yes\ndir /data\nEND'
    return Server(
        name=found["host"],
        image="docker.io/valkey/valkey:9",
        data="/data",
        secret=found["secret"],
        check="valkey-cli ping | grep -Eq 'PONG|NOAUTH'",
        command=("sh", "-c", words),
    )


def _rabbitmq(found: re.Match[str]) -> Server:
    file = "/etc/rabbitmq/conf.d/20-airfleet.conf"
    words = (
        f"umask 077 && printf 'default_pass = %s\\n' \"$$(cat /run/secrets/{found['secret']})\" > {file}"
        f" && chown rabbitmq {file} && exec docker-entrypoint.sh rabbitmq-server"
    )
    return Server(
        name=found["host"],
        image="docker.io/library/rabbitmq:4",
        data="/var/lib/rabbitmq",
        secret=found["secret"],
        check="rabbitmq-diagnostics -q check_port_connectivity",
        command=("sh", "-c", words),
        environment={"RABBITMQ_DEFAULT_USER": found["user"], "RABBITMQ_DEFAULT_VHOST": found["path"]},
    )


def _required(form: re.Pattern[str], url: str, key: str, like: str) -> re.Match[str]:
    found = form.fullmatch(url)
    if found is None:
        raise FleetError(f"no service can be made of '{key}' in fleet.yaml", hint=f"it can of one like '{like}'")
    if found["port"] and int(found["port"]) != _PORTS[found["scheme"]]:
        raise FleetError(f"a service listens at {_PORTS[found['scheme']]}, and '{key}' in fleet.yaml says another port")
    return found
