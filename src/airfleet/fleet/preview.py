"""The plan of any host of a fleet, made without touching this machine: to be shown, not to be run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from airfleet.fleet.components import proxy
from airfleet.fleet.context import Context, Embedded, Nginx, Ports, needs_log_server
from airfleet.fleet.paths import Paths
from airfleet.fleet.secrets import Secrets
from airfleet.fleet.sensitive import MASK
from airfleet.fleet.spec import API_PORT, EMBEDDED, LOGS_PORT, Fleet, Host

POSTGRES_PORT, BROKER_PORT, NGINX_PORT = 5432, 6379, 8090
OLDEST_NGINX = (1, 18, 0)


def context(fleet: Fleet, host: str, paths: Paths, secrets: Secrets, cores: int = 0) -> Context:
    """The host as it would be: its ports are those of last time, or the usual ones.

    ``cores=0`` where they are not known. Raises KeyError when the fleet has no such host.
    """
    fleet = _with_places(fleet)
    here = fleet.host(host)
    kept = _kept_ports(paths.ports)
    own_database, own_broker = fleet.database == EMBEDDED, fleet.broker == EMBEDDED
    has_nginx = proxy.is_public(fleet, here) or proxy.helps(fleet, here)
    has_flower = fleet.flower is not None and fleet.flower.on == host
    return Context(
        fleet=fleet,
        paths=paths,
        ports=Ports(
            api_servers=_api_ports(here, kept),
            postgres=kept.get("postgres", POSTGRES_PORT) if own_database else None,
            broker=kept.get("broker", BROKER_PORT) if own_broker else None,
            flower=kept.get("flower", fleet.flower.port) if fleet.flower and has_flower else None,
            nginx=kept.get("nginx", NGINX_PORT) if has_nginx else None,
            logs=kept.get("logs", LOGS_PORT) if needs_log_server(fleet, here, paths) else None,
        ),
        secrets=secrets,
        embedded=_embedded(paths) if own_database or own_broker else None,
        nginx=Nginx(Path("nginx"), OLDEST_NGINX, paths.home / "nginx") if has_nginx else None,
        cores=cores,
        host=host,
    )


def _with_places(fleet: Fleet) -> Fleet:
    """Servers somewhere, where their whole URLs are secrets that are not here."""
    if fleet.database.startswith(MASK):
        fleet = replace(fleet, database=f"postgresql://{MASK}/airflow")
    return replace(fleet, broker=f"redis://{MASK}/0") if fleet.broker.startswith(MASK) else fleet


def _api_ports(here: Host, kept: dict[str, int]) -> tuple[int, ...]:
    def port(number: int) -> int:
        if here.api_server.port is not None:
            return here.api_server.port + number
        return kept.get(f"api_server_{number + 1}" if number else "api_server", API_PORT + number)

    return tuple(port(number) for number in range(here.api_server.count))


def _embedded(paths: Paths) -> Embedded:
    return Embedded(Path("postgres"), paths.home / "postgres", Path("valkey-server"), paths.home / "valkey")


def _kept_ports(file: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return found
