"""Facts of a host, as frozen values: read from the lines of :mod:`airfleet.deploy.probe`."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airfleet.agent.servers import server_programs
from airfleet.agent.servers.server_programs import Program
from airfleet.deploy.version_record import VersionRecord


@dataclass(frozen=True)
class Facts:
    """A host as it was found."""

    #: absolute
    folder: str
    user: str = ""
    uid: int = -1
    system: str = "Linux"
    machine: str = ""
    #: ``2.36``; empty where there is none, as with musl
    glibc: str = ""
    #: seconds by which its clock is ahead of this machine's
    clock_ahead: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    is_writable: bool = True
    #: the user to whom a folder belongs that is there with something in it, and that this user may not write to
    owner: str = ""
    #: a folder above that other users may not enter; empty for none
    closed: str = ""
    has_systemd: bool = False
    #: whether systemd keeps services of this user after the last logout
    lingers: bool = False
    #: whether ``sudo`` makes the folder without a password; only asked where it is not writable
    sudo_makes_folder: bool = False
    #: whether ``sudo`` has services linger without a password; only asked where they do not
    sudo_lingers: bool = False
    #: the lowest port that users other than root may open
    lowest_port: int = 1024
    #: minor version -> program
    pythons: Mapping[str, str] = field(default_factory=dict)
    #: a uv of its own
    uv: str = ""
    #: programs that it lacks
    lacks: Sequence[str] = ()
    #: where something listens
    listens: frozenset[tuple[str, int]] = frozenset()
    #: servers that it cannot reach
    misses: frozenset[tuple[str, int]] = frozenset()
    #: programs of PostgreSQL, Redis and Valkey on it
    servers: tuple[Program, ...] = ()
    current: VersionRecord | None = None
    previous: VersionRecord | None = None
    environments: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    #: who deploys there now; empty when nobody does
    lock: str = ""
    #: name -> digest of its value; None when it has none
    secrets: Mapping[str, str] | None = None
    #: the state of its agent, and ports at which the fleet itself listens
    state: str = "stopped"
    own_ports: frozenset[int] = frozenset()

    @property
    def is_well(self) -> bool:
        """Whether the fleet's part of the host runs as it should."""
        return self.state == "ready"

    @property
    def needs_linger(self) -> bool:
        """Whether services of this user would end with the last logout."""
        return self.has_systemd and self.uid != 0 and not self.lingers

    @property
    def runs(self) -> bool:
        """Whether its agent runs."""
        return self.state not in ("stopped", "unreachable")


def parse(text: str, asked_at: float, answered_at: float) -> Facts:
    """Read the lines of a probe; the times are this machine's, around it. Raises ValueError when it is none."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, tab, value = line.partition("\t")
        if tab:
            said.setdefault(key, []).append(value.strip())
    if "folder" not in said:
        raise ValueError("it answers a script of sh with something else")
    one = {key: values[0] for key, values in said.items()}
    status = _json(one.get("status", ""))
    return Facts(
        folder=one["folder"],
        user=one.get("user", ""),
        uid=int(one.get("uid") or -1),
        system=one.get("system", ""),
        machine=one.get("machine", ""),
        glibc=one.get("glibc", "").removeprefix("glibc").strip(),
        clock_ahead=_ahead(one.get("time", ""), asked_at, answered_at),
        memory_bytes=int(float(one.get("memory") or 0)),
        disk_bytes=int(float(one.get("disk") or 0)),
        is_writable="writable" in one,
        owner=one.get("owner", ""),
        closed=one.get("closed", ""),
        has_systemd="systemd" in one,
        lingers="lingers" in one,
        sudo_makes_folder="folder" in said.get("sudo", ()),
        sudo_lingers="linger" in said.get("sudo", ()),
        lowest_port=int(one.get("lowest port") or 1024),
        pythons=dict(value.split(" ", 1) for value in reversed(said.get("python", []))),
        uv=one.get("uv", ""),
        lacks=tuple(said.get("lacks", ())),
        listens=frozenset(filter(None, map(_listener, said.get("listens", ())))),
        misses=frozenset(_server(value) for value in said.get("misses", ())),
        servers=tuple(filter(None, map(_program, said.get("server", ())))),
        current=VersionRecord.read(one.get("current", "")),
        previous=VersionRecord.read(one.get("previous", "")),
        environments=frozenset(said.get("environment", ())),
        versions=frozenset(said.get("version", ())),
        lock=one.get("lock", ""),
        secrets=_json(one["secrets"]) if "secrets" in one else None,
        state=str(status.get("state", "stopped")),
        own_ports=frozenset(_ports_of(status)),
    )


def _ahead(there: str, asked_at: float, answered_at: float) -> float:
    """Give the seconds by which a clock is ahead, less what the way there and back may have taken."""
    try:
        now = float(there)
    except ValueError:
        return 0.0
    return now - answered_at if now > answered_at else now - asked_at if now < asked_at else 0.0


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _program(text: str) -> Program | None:
    path, _, version = text.partition("\t")
    return server_programs.said(Path(path), version)


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(" ")
    return host, int(port)


def _listener(text: str) -> tuple[str, int] | None:
    """Read an address of ``/proc/net/tcp``.

    >>> _listener("0100007F:1F90")
    ('127.0.0.1', 8080)
    """
    digits, _, port = text.partition(":")
    try:
        raw = bytes.fromhex(digits)
        words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
        return socket.inet_ntop(family, words).removeprefix("::ffff:"), int(port, 16)
    except (ValueError, OSError):
        return None


def _ports_of(status: Mapping[str, Any]) -> list[int]:
    """List the ports of the components that a status names."""
    addresses = [str(one.get("address", "")) for one in status.get("components", ()) if isinstance(one, dict)]
    found = (address.rpartition(":")[2].partition("/")[0] for address in addresses)
    return [int(port) for port in found if port.isdigit()]
