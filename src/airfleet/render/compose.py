"""A compose file: the fleet in containers, an agent in each, which plays one host of fleet.yaml.

Hosts find one another by the addresses of fleet.yaml, in a network of the project; one host alone has the network of
its machine. No secret is in the file: it names files that engines lay into containers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

import yaml

from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import LOCAL, Fleet, Host
from airfleet.fleet.servers import brokers, databases
from airfleet.render import image
from airfleet.render.compose_network import Network, network
from airfleet.render.compose_servers import Server

Data: TypeAlias = dict[str, Any]

FILE_NAME: Final = "compose.yaml"
#: the folder of the image, beside the file
IMAGE: Final = "image"
#: of a service, which has the network of the project
NETWORK: Final = "fleet"
#: seconds in which a container ends after its tasks, and how long it may take to be healthy
END_SECONDS: Final = 40
START: Final = "10m"
OPEN_FILES: Final = 65536


@dataclass(frozen=True)
class Deployment:
    """Where a compose project has the fleet's files, and whose processes run in its containers."""

    #: the project folder as the compose file may name it: absolute, or relative to the file
    project: str = "."
    #: uid and gid of the processes: those that own the files
    uid: int = image.USER
    gid: int = image.USER
    #: the overlay of fleet.yaml
    overlay: str = ""
    #: names in ``${{ secrets.NAME }}``, and the folder with their files
    secrets: Collection[str] = ()
    secrets_folder: str = "./secrets"
    #: variables that fleet.yaml takes from the environment
    variables: Collection[str] = ()
    #: seconds that running tasks may take to end
    drain_seconds: int = 60
    #: databases and brokers beside the fleet
    servers: Sequence[Server] = ()


def text(fleet: Fleet, hosts: Sequence[Host], at: Deployment) -> str:
    """Write the compose file of some hosts. Raises FleetError for addresses that no network of a project can have."""
    head = "# Written by airfleet from fleet.yaml: a container for each host, and no secret in it.\n"
    return head + yaml.dump(document(fleet, hosts, at), Dumper=_Readable, sort_keys=False, width=110)


class _Readable(yaml.SafeDumper):
    """Writes a script as its lines."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Represent a text, of several lines in a block."""
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Readable.add_representer(str, _Readable.represent_str)


def document(fleet: Fleet, hosts: Sequence[Host], at: Deployment) -> Data:
    """Return the compose file as data. Raises FleetError as :func:`text`."""
    around = None if not at.servers and _shares_the_machine(fleet, hosts) else network(hosts, at.servers)
    volumes = [*(volume(host) for host in hosts), *(server.volume for server in at.servers)]
    return {
        "name": fleet.name.lower(),
        "services": {
            **{service(host): _service(fleet, host, hosts, at, around) for host in hosts},
            **{one.name: one.service(NETWORK, around.addresses.get(one.name)) for one in at.servers if around},
        },
        **({"networks": {NETWORK: around.options}} if around else {}),
        "volumes": dict.fromkeys(volumes),
        **({"secrets": secrets} if (secrets := _secret_files(hosts, at)) else {}),
    }


def service(host: Host) -> str:
    """Name the service of a host."""
    return "airfleet" if host.name == LOCAL else host.name


def volume(host: Host) -> str:
    """Name the volume with what a host keeps: secrets, logs, releases, data of embedded servers."""
    return f"{service(host)}-data"


def secret_of(host: Host) -> str:
    """Name the secret with what :program:`airfleet secrets export` writes for a host."""
    return f"airfleet_{host.name}"


def publishes(fleet: Fleet, host: Host, hosts: Sequence[Host]) -> tuple[str, ...]:
    """List ports of the machine that lead to a host: of the proxy, or of the first api-servers, for this machine."""
    proxy = fleet.proxy
    if proxy is not None and proxy.on:
        ports = [port for port in (proxy.own_port, proxy.plain_port) if port] if host.name in proxy.on else []
        return tuple(f"{port}:{port}" for port in ports)
    first = next((one for one in hosts if one.api_server.count), None)
    if host != first:
        return ()
    (_, port), *_ = host.api_addresses
    return (f"127.0.0.1:{port}:{port}",)


def _shares_the_machine(fleet: Fleet, hosts: Sequence[Host]) -> bool:
    """Tell whether containers have the network of their machine: one host, whose addresses are the machine's."""
    if len(hosts) > 1:
        return False
    return len(fleet.hosts) > 1 or not is_seen(fleet) or any(map(is_loopback, _servers(fleet)))


def is_seen(fleet: Fleet) -> bool:
    """Tell whether other machines, and so the outside of a container, reach a fleet without ``hosts``."""
    (host,) = fleet.hosts
    has_proxy = fleet.proxy is not None and host.name in fleet.proxy.on
    return has_proxy or not is_loopback(host.api_server.address or host.address)


def _servers(fleet: Fleet) -> tuple[str, ...]:
    """List the names of the machines with the database and the broker, as far as they are known here."""
    database = databases.hosts(fleet.database) if not fleet.runs_database else ()
    broker = brokers.parse(fleet.broker).servers if not fleet.runs_broker and "://" in fleet.broker else ()
    return (*database, *(server for server, _ in broker))


def _service(fleet: Fleet, host: Host, hosts: Sequence[Host], at: Deployment, around: Network | None) -> Data:
    waits = {server.name: {"condition": "service_healthy"} for server in at.servers}
    return {
        "image": f"{fleet.name.lower()}-airfleet",
        "build": {"context": f"./{IMAGE}", "args": _arguments(at)},
        "command": ["up", "--timeout", START, "--drain", f"{at.drain_seconds}s"],
        "user": f"{at.uid}:{at.gid}",
        "init": True,
        "restart": "unless-stopped",
        "stop_grace_period": f"{at.drain_seconds + END_SECONDS}s",
        **_network_of(fleet, host, hosts, around),
        **({"depends_on": waits} if waits else {}),
        "environment": _environment(fleet, host, at),
        "volumes": _volumes(fleet, host, at),
        **({"tmpfs": hidden} if (hidden := _hidden(fleet, host)) else {}),
        **({"secrets": secrets} if (secrets := _secrets_of(fleet, host, at)) else {}),
        "healthcheck": {
            "test": ["CMD", "airfleet", "status", "--here"],
            "interval": "30s",
            "timeout": "30s",
            "retries": 3,
            "start_period": START,
        },
        **_limits(fleet, at),
    }


def _arguments(at: Deployment) -> Data:
    """Give the image a user with the uid of the files; root is in every image."""
    return {"AIRFLEET_UID": str(at.uid), "AIRFLEET_GID": str(at.gid)} if at.uid else {}


def _network_of(fleet: Fleet, host: Host, hosts: Sequence[Host], around: Network | None) -> Data:
    if around is None:
        return {"network_mode": "host"}
    placed = around.addresses.get(service(host))
    known: Data = {"ipv4_address": placed} if placed else {}
    if host.name != LOCAL and not placed and host.address != service(host):
        known["aliases"] = [host.address]
    published = list(publishes(fleet, host, hosts))
    return {
        "hostname": service(host),
        "networks": {NETWORK: known or None},
        **({"ports": published} if published else {}),
    }


def _environment(fleet: Fleet, host: Host, at: Deployment) -> Data:
    return {
        "AIRFLEET_PROJECT": _inside(fleet),
        **({"AIRFLEET_HOST": host.name} if host.name != LOCAL else {}),
        **({"AIRFLEET_ENV": at.overlay} if at.overlay else {}),
        **dict.fromkeys(sorted(at.variables)),  # the value is that of the shell
    }


def _inside(fleet: Fleet) -> str:
    """Name the project folder in containers; fleet.yaml may be named after it."""
    return f"/srv/{PurePosixPath(fleet.root).name or fleet.name}"


def _volumes(fleet: Fleet, host: Host, at: Deployment) -> list[str]:
    return [
        f"{at.project}:{_inside(fleet)}:ro",
        f"{volume(host)}:{image.DATA}",
        *(f"{file}:{file}:ro" for file in _files_elsewhere(fleet, host)),
    ]


def _hidden(fleet: Fleet, host: Host) -> list[str]:
    """List folders of the project that a host must not see: secrets of other hosts are there."""
    if host.name == LOCAL:
        return []
    inside = [_secrets_inside(fleet)] if _secrets_inside(fleet).startswith(f"{_inside(fleet)}/") else []
    return [f"{_inside(fleet)}/.airfleet", *inside]


def _secrets_inside(fleet: Fleet) -> str:
    """Name the folder of secrets as a container's fleet.yaml means it."""
    where = fleet.secrets_folder or f"{fleet.root}/secrets"
    return where.replace(fleet.root, _inside(fleet), 1) if where.startswith(f"{fleet.root}/") else where


def _files_elsewhere(fleet: Fleet, host: Host) -> tuple[str, ...]:
    """List the files outside the project folder that a host reads: the certificate of its proxy."""
    proxy = fleet.proxy
    if proxy is None or proxy.tls is None or host.name not in proxy.on:
        return ()
    return tuple(file for file in (proxy.tls.certificate, proxy.tls.key) if not file.startswith(f"{fleet.root}/"))


def _secrets_of(fleet: Fleet, host: Host, at: Deployment) -> list[Data]:
    own = [{"source": secret_of(host), "target": image.SECRETS}] if host.name != LOCAL else []
    return [*own, *({"source": name, "target": f"{_secrets_inside(fleet)}/{name}"} for name in sorted(at.secrets))]


def _secret_files(hosts: Sequence[Host], at: Deployment) -> Data:
    own = {secret_of(host): f"{secret_of(host)}" for host in hosts if host.name != LOCAL}
    named = {**own, **{name: name for name in sorted(at.secrets)}}
    return {name: {"file": f"{at.secrets_folder}/{file}"} for name, file in named.items()}


def _limits(fleet: Fleet, at: Deployment) -> Data:
    """Take all rights from an ordinary user; root gives its own away itself, to servers and tasks."""
    closed = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]} if at.uid else {}
    shared = {"shm_size": "256mb"} if fleet.runs_database else {}
    return {**closed, **shared, "ulimits": {"nofile": OPEN_FILES}}
