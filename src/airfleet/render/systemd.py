"""The unit of systemd for a host: one service that keeps the host's part of the fleet, from boot to shutdown.

It runs ``airfleet up`` in the foreground. Hardening stops where a fleet, or a task of it, would notice: tasks write
where their pipelines say, use devices and namespaces, and outlive an agent that dies.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from airfleet.errors import FleetError
from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import LOCAL, Fleet, Host
from airfleet.fleet.servers import brokers, databases

#: lines of a unit
Lines: TypeAlias = list[str]

ROOT: Final = "root"
#: seconds in which a fleet ends after its tasks: components, what they left, and the command itself
END_SECONDS: Final = 40
#: a new process is tried for so long, also with migrations; nobody waits at a terminal
START: Final = "10m"
_TRIES: Final = "StartLimitIntervalSec=0"
#: between two tries, seconds; an import of Airflow costs some of them
PAUSE_SECONDS: Final = 10
OPEN_FILES: Final = 65536
#: folders that ProtectSystem=full makes read-only
_READ_ONLY: Final = ("/usr/", "/boot/", "/efi/", "/etc/")
#: the services of servers beside the fleet, as distributions name them
_POSTGRES: Final = ("postgresql.service",)
_BROKERS: Final = {
    "redis": ("valkey-server.service", "redis-server.service"),
    "sentinel": ("valkey-sentinel.service", "redis-sentinel.service"),
    "amqp": ("rabbitmq-server.service",),
}


@dataclass(frozen=True)
class Installation:
    """Where a host has airfleet and the project, and who runs the fleet there."""

    #: the path of ``airfleet``
    program: str
    #: the folder of fleet.yaml
    project: str
    user: str
    #: the home of the fleet, where it is not in the project
    home: str = ""
    #: the overlay of fleet.yaml
    overlay: str = ""
    #: variables that fleet.yaml takes from the environment
    variables: Collection[str] = ()
    #: seconds that running tasks may take to end
    drain_seconds: int = 60


def name(fleet: Fleet, host: Host) -> str:
    """Name the unit of a host."""
    return f"airfleet-{_of(fleet, host)}.service"


def unit(fleet: Fleet, host: Host, at: Installation) -> str:
    """Write the text of a host's unit. Raises FleetError for a path or name that cannot stand in one."""
    text = [
        f"# /etc/systemd/system/{name(fleet, host)}, written by airfleet from fleet.yaml",
        "[Unit]",
        *_unit(fleet, host),
        "",
        "[Service]",
        *_process(fleet, host, at),
        "",
        *_end(at.drain_seconds),
        "",
        *_resources(),
        "",
        *_rights(fleet, host, at),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(text) + "\n"


def unit_of_command(words: Sequence[str], fleet: str, drain_seconds: float, *, is_of_root: bool) -> str:
    """Write a unit whose process is ``airfleet up`` in these words, of the system or of the user who logs in.

    Nothing is closed: a user's own systemd cannot close anything. Raises FleetError as :func:`unit`.
    """
    drain = round(drain_seconds)
    target = "multi-user.target" if is_of_root else "default.target"
    text = [
        "[Unit]",
        f"Description=Airflow fleet {_literal(fleet)}",
        "Wants=network-online.target",
        "After=network-online.target",
        _TRIES,
        "",
        "[Service]",
        "Type=exec",
        *_started([*words, *_options(drain)]),
        "",
        *_end(drain),
        "",
        *_resources(),
        "",
        "[Install]",
        f"WantedBy={target}",
    ]
    return "\n".join(text) + "\n"


def environment_file(fleet: Fleet, host: Host) -> str:
    """Name the file with the variables that fleet.yaml takes from the environment."""
    return f"/etc/airfleet/{_of(fleet, host)}.env"


def _of(fleet: Fleet, host: Host) -> str:
    return fleet.name if host.name == LOCAL else f"{fleet.name}-{host.name}"


def _unit(fleet: Fleet, host: Host) -> Lines:
    part = "" if host.name == LOCAL else f", host {host.name}"
    return [
        f"Description=Airflow fleet {_literal(fleet.name)}{_literal(part)}",
        "Wants=network-online.target",
        f"After={' '.join(('network-online.target', *_servers_beside(fleet, host)))}",
        "# A database or a network that is back after an hour finds the fleet still trying.",
        _TRIES,
    ]


def _servers_beside(fleet: Fleet, host: Host) -> tuple[str, ...]:
    """Name the services that this machine may run for the fleet: it starts after them, and ends before them."""
    found: list[str] = []
    if not fleet.runs_database and any(_is_here(server, host) for server in databases.hosts(fleet.database)):
        found += _POSTGRES
    if not fleet.runs_broker and "://" in fleet.broker:  # else its URL is a secret that is not here
        broker = brokers.parse(fleet.broker)
        found += _BROKERS[broker.kind] if any(_is_here(server, host) for server, _ in broker.servers) else ()
    return tuple(found)


def _is_here(server: str, host: Host) -> bool:
    return is_loopback(server) or server in (host.address, host.name)


def _process(fleet: Fleet, host: Host, at: Installation) -> Lines:
    options = {"--host": "" if host.name == LOCAL else host.name, "--env": at.overlay}
    given = [word for option, value in options.items() if value for word in (option, value)]
    words = [at.program, "-C", at.project, "up", *given, *_options(at.drain_seconds)]
    return [
        "Type=exec",
        *([f"User={_literal(at.user)}"] if at.user != ROOT else []),
        f"WorkingDirectory={_literal(at.project)}",
        *([f"Environment={_word(f'AIRFLEET_HOME={at.home}')}"] if at.home else []),
        *_from_outside(fleet, host, at.variables),
        *_started(words),
    ]


def _options(drain_seconds: int) -> Lines:
    """Give the options of ``airfleet up`` as a service: it goes on with what a process before it has left."""
    return ["--adopt", "--timeout", START, "--drain", f"{drain_seconds}s"]


def _started(words: Sequence[str]) -> Lines:
    return [
        f"ExecStart={' '.join(_argument(word) for word in words)}",
        "# 0 is an end that somebody asked for.",
        "Restart=on-failure",
        f"RestartSec={PAUSE_SECONDS}s",
    ]


def _from_outside(fleet: Fleet, host: Host, variables: Collection[str]) -> Lines:
    if not variables:
        return []
    names = ", ".join(sorted(variables))
    return [f"# fleet.yaml takes {names} from it; mode 0600.", f"EnvironmentFile={environment_file(fleet, host)}"]


def _end(drain_seconds: int) -> Lines:
    return [
        "# The command ends the fleet, tasks first. Where it dies itself, the next one adopts what runs.",
        "KillMode=process",
        f"# --drain for tasks, and {END_SECONDS} s for all else.",
        f"TimeoutStopSec={drain_seconds + END_SECONDS}s",
    ]


def _resources() -> Lines:
    return [
        "# The fleet limits its components itself ('memory:'). One task out of memory ends no other.",
        "Delegate=yes",
        "OOMPolicy=continue",
        f"LimitNOFILE={OPEN_FILES}",
    ]


def _rights(fleet: Fleet, host: Host, at: Installation) -> Lines:
    """Write what is closed. The comments in the unit name what stays open, and for whom."""
    return [
        *_doors(fleet, host, at.user),
        "# Nothing of the fleet needs more than this. A task that calls sudo does: it needs NoNewPrivileges=no.",
        "NoNewPrivileges=yes",
        "ProtectSystem=full",
        *_writable(at),
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectHostname=yes",
        "RestrictRealtime=yes",
        "# Not PrivateTmp: a restart would remove files of tasks that go on. Not PrivateDevices, ProtectClock,",
        "# RestrictNamespaces, MemoryDenyWriteExecute: tasks use GPUs, sandboxes, and code that is made as it runs.",
    ]


def _doors(fleet: Fleet, host: Host, user: str) -> Lines:
    proxy = fleet.proxy
    if proxy is None or host.name not in proxy.on or user == ROOT:
        return []
    ports = [port for port in (proxy.own_port, proxy.plain_port) if port and port < 1024]
    if not ports:
        return []
    return [f"# nginx: port {' and '.join(map(str, ports))}.", "AmbientCapabilities=CAP_NET_BIND_SERVICE"]


def _writable(at: Installation) -> Lines:
    places = [place for place in (at.project, at.home) if place.startswith(_READ_ONLY)]
    return [f"ReadWritePaths={' '.join(_word(place) for place in places)}"] if places else []


def files(fleet: Fleet, hosts: Iterable[Host], at: Installation) -> Mapping[str, str]:
    """Map the names of units to their texts."""
    return {name(fleet, host): unit(fleet, host, at) for host in hosts}


def _literal(text: str) -> str:
    """Escape a value that is not split into words. Raises FleetError for characters that would end it."""
    if re.search(r"[\x00-\x1f\x7f]", text) or text.endswith("\\"):
        raise FleetError(f"{text!r} cannot stand in a unit of systemd")
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """Quote one of several words, where that is needed."""
    escaped = _literal(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"[\s\"'\\;]", text) else escaped


def _argument(text: str) -> str:
    """Quote a word of a command, in which systemd would put in variables."""
    return _word(text).replace("$", "$$")
