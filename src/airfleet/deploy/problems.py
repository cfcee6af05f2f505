"""Facts of hosts become problems: whole sentences, each with the name of its host, all before anything changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.agent.servers.server_programs import Program
from airfleet.deploy.facts import Facts
from airfleet.deploy.needs import Needs, choices_of, overlaps, ports_of
from airfleet.fleet.config.keys import PYTHONS
from airfleet.fleet.config.spec import Fleet, Host
from airfleet.fleet.servers.own_servers import OLDEST_BROKERS, OLDEST_POSTGRES, ServerChoice
from airfleet.yaml.sizes import size_text

#: the least glibc that the locked wheels take
GLIBC: Final = (2, 28)
#: bytes that an environment with its bytecode takes, and that anything else does
ENVIRONMENT_BYTES, REST_BYTES = 1_500 * 2**20, 100 * 2**20
#: of the machine: a small fleet, and a little for the system
MEMORY_BYTES: Final = 500 * 2**20
#: seconds by which clocks may differ: tokens of tasks and leases have times in them
CLOCK_SECONDS: Final = 5.0


def find(fleet: Fleet, found: Mapping[str, Facts], needs: Needs, environment: Mapping[str, str]) -> Iterator[str]:
    """Find everything that keeps the hosts from what is asked; ``environment``: host -> the one that it needs."""
    for host in fleet.hosts:
        if (facts := found.get(host.name)) is not None:
            is_there = environment.get(host.name) in facts.environments
            for sentence in _of_host(fleet, host, facts, needs, is_there=is_there):
                yield f"host '{host.name}' {sentence}"


def _of_host(fleet: Fleet, host: Host, facts: Facts, needs: Needs, *, is_there: bool) -> Iterator[str]:
    yield from _of_system(facts)
    if not is_there:
        yield from _of_installation(facts, needs)
    yield from _of_room(facts, is_there=is_there)
    if abs(facts.clock_ahead) > CLOCK_SECONDS:
        way = "ahead of" if facts.clock_ahead > 0 else "behind"
        yield f"has a clock {abs(facts.clock_ahead):.0f} s {way} this machine's: chrony or another NTP client sets it"
    if facts.uid == 0 and facts.closed and fleet.task_user:
        yield (
            f"lets only root into {facts.closed}, and tasks run as '{fleet.task_user}': 'deploy: {{folder: …}}' names "
            "another folder"
        )
    if facts.uid > 0 and fleet.task_user:
        yield f"is logged in to as '{facts.user}', and 'task_user' needs root: 'deploy: {{user: root}}'"
    for server in needs.servers:
        if (server.host, server.port) in facts.misses:
            yield f"does not reach the {server.what} at {server.host}:{server.port}"
    yield from _of_servers(fleet, facts)
    yield from _of_ports(fleet, host, facts)


def _of_servers(fleet: Fleet, facts: Facts) -> Iterator[str]:
    """Find servers of the machine that fleet.yaml asks for, and that it lacks."""
    database, broker = choices_of(fleet)
    if database and not any(_serves(one, database) for one in facts.servers if one.kind == "postgres"):
        yield f"has no program for 'database: {database}': install PostgreSQL {database.major or OLDEST_POSTGRES} there"
    if broker and not any(_serves(one, broker) for one in facts.servers if one.kind != "postgres"):
        yield f"has no program for 'broker: {broker}': install {broker.kind or 'redis or valkey'} there"


def _serves(program: Program, choice: ServerChoice) -> bool:
    oldest = OLDEST_BROKERS.get(program.kind, (OLDEST_POSTGRES,))
    is_named = choice.place is None or choice.place in (program.path, *program.path.parents)
    fits = choice.major in (None, program.version[0]) and choice.kind in ("", program.kind)
    return is_named and fits and program.version >= oldest


def _of_system(facts: Facts) -> Iterator[str]:
    if facts.system != "Linux":
        yield f"runs {facts.system}; a fleet needs Linux"
        return
    if not facts.glibc:
        yield "has no glibc: the locked wheels are for it alone (Debian, Ubuntu, RHEL and the like)"
    elif _numbers(facts.glibc) < GLIBC:
        yield f"has glibc {facts.glibc}; the locked wheels need {'.'.join(map(str, GLIBC))} or newer"
    for program in facts.lacks:
        yield f"has no program '{program}'"
    if facts.needs_linger and not facts.sudo_lingers:
        yield (
            f"ends services of '{facts.user}' when that user logs out: "
            f"'sudo loginctl enable-linger {facts.user}' there keeps them"
        )


def _of_installation(facts: Facts, needs: Needs) -> Iterator[str]:
    if facts.machine != needs.machine and not facts.uv:
        yield f"is a machine of {facts.machine}, and the uv that runs here is for {needs.machine}: install uv there"
    if facts.machine != needs.machine and needs.vendors:
        yield f"is a machine of {facts.machine}: --vendor brings wheels for {needs.machine}, as this one is"
    if needs.python and needs.python not in facts.pythons and needs.vendors:
        yield f"has no Python {needs.python}, which fleet.yaml asks for, and --vendor brings none"
    elif not needs.python and needs.vendors and needs.python_here not in facts.pythons:
        yield f"has no Python {needs.python_here}, for which --vendor brings wheels"


def _of_room(facts: Facts, *, is_there: bool) -> Iterator[str]:
    hint = "'deploy: {folder: …}' names another folder"
    if facts.owner:
        # With sudo it would become this user's, for the command that makes a folder takes one that is there.
        yield f"has {facts.folder}, which belongs to '{facts.owner}' and is not empty: {hint}"
    elif not facts.is_writable and not facts.sudo_makes_folder:
        yield f"lets user '{facts.user}' not write to {facts.folder}: {hint}"
    needed = REST_BYTES if is_there else ENVIRONMENT_BYTES
    if facts.disk_bytes < needed:
        yield f"has {size_text(facts.disk_bytes)} free at {facts.folder}, and {size_text(needed)} are needed"
    if facts.memory_bytes < MEMORY_BYTES:
        yield f"has {size_text(facts.memory_bytes)} of memory, and a fleet needs {size_text(MEMORY_BYTES)} at the least"


def _of_ports(fleet: Fleet, host: Host, facts: Facts) -> Iterator[str]:
    for (address, port), what in ports_of(fleet, host).items():
        if facts.uid > 0 and port < facts.lowest_port:
            yield (
                f"lets user '{facts.user}' not open port {port}, which {what} needs: take a port from "
                f"{facts.lowest_port} on, or 'sysctl net.ipv4.ip_unprivileged_port_start={port}' there"
            )
        if facts.runs and port in facts.own_ports:
            continue
        if any(port == other and overlaps(address, there) for there, other in facts.listens):
            yield f"has another program at port {port} of {address}, which {what} needs"


def python_for(facts: Facts, needs: Needs) -> str:
    """Choose the minor version of Python: what fleet.yaml asks for, the one that runs here, or the newest there is.

    Where there is none, it is the one that runs here, which uv brings.
    """
    if needs.python:
        return needs.python
    known = [one for one in PYTHONS if one in facts.pythons]
    return needs.python_here if needs.python_here in known or needs.vendors or not known else known[-1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
