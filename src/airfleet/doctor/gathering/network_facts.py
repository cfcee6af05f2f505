"""Facts about ports, addresses and names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from airfleet.agent.control import Snapshot
from airfleet.agent.states import FINE, HostState
from airfleet.doctor.facts import Listener, Reached, Resolved
from airfleet.doctor.gathering import listening_sockets
from airfleet.doctor.gathering.listening_sockets import EVERYWHERE
from airfleet.fleet.config.spec import Fleet, Host
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers import brokers, databases

#: seconds that an address has for its answer
SECONDS = 3.0
#: kinds whose address is that of a server elsewhere
_ELSEWHERE = frozenset({"broker"})
_SEEN = (HostState.UP, HostState.LATE)
_AT_ONCE = 16


def listeners(snapshot: Snapshot, pids: Iterable[int]) -> tuple[Listener, ...]:
    """Look who listens on the addresses of this host's components that are well."""
    ours = listening_sockets.of_processes(pids)
    there = listening_sockets.addresses()
    places = (
        (one.name, _place(one.address)) for one in snapshot.components if one.state in FINE and _is_here(one.kind)
    )
    return tuple(
        Listener(
            name, place[0], place[1], any(_covers((s.address, s.port), place) for s in ours), _holder(place, there)
        )
        for name, place in places
        if place is not None
    )


def of_file(fleet: Fleet, host: str) -> tuple[Listener, ...]:
    """Look who has the ports that fleet.yaml gives to components of a host on which nothing of the fleet runs."""
    there = listening_sockets.addresses()
    return tuple(
        Listener(name, *place, held_by=_holder(place, there), is_expected=False)
        for name, place in _given(fleet, fleet.host(host))
    )


def _given(fleet: Fleet, here: Host) -> Iterator[tuple[str, tuple[str, int]]]:
    api, proxy = here.api_server, fleet.proxy
    if api.port is not None:
        yield from (("api-server", (api.address or here.address, api.port + number)) for number in range(api.count))
    if proxy is not None and here.name in proxy.on:
        yield from (("nginx", (proxy.address, port)) for port in (proxy.own_port, proxy.plain_port) if port)


def _is_here(kind: str) -> bool:
    return kind not in _ELSEWHERE


def _covers(listening: tuple[str, int], place: tuple[str, int]) -> bool:
    address, port = place
    return listening[1] == port and (listening[0] == address or listening[0] in EVERYWHERE or address in EVERYWHERE)


def _holder(place: tuple[str, int], there: Iterable[tuple[str, int]]) -> str:
    return "a program that is not of this fleet" if any(_covers(one, place) for one in there) else ""


def _place(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() else None


def of_hosts(snapshot: Snapshot, plan: Plan) -> tuple[Reached, ...]:
    """Connect to the agents and api-servers of other hosts that are up, and to the witness."""
    return _reach(_of_hosts(snapshot, plan))


def _of_hosts(snapshot: Snapshot, plan: Plan) -> Iterator[Reached]:
    for host in snapshot.hosts:
        if host.host == snapshot.host or host.state not in _SEEN:
            continue
        if host.port:
            yield Reached(f"the agent of host '{host.host}'", _written(host.address, host.port))
        for place in plan.api_servers.get(host.host, ()):
            yield Reached(f"an api-server of host '{host.host}'", place)
        yield from (
            Reached(f"the log server of host '{host.host}'", one.address)
            for one in host.components
            if one.kind == "log-server" and one.address
        )
    if plan.neighbours is not None and plan.neighbours.witness:
        yield Reached("the witness", plan.neighbours.witness)


def of_servers(fleet: Fleet) -> tuple[Reached, ...]:
    """Connect to the database and the broker of fleet.yaml; names without an address are another matter."""
    known = (one for one in _servers(fleet) if not _lookup(one.place.rpartition(":")[0].strip("[]")))
    return _reach(known)


def _servers(fleet: Fleet) -> Iterator[Reached]:
    if not fleet.runs_database:
        for host, port in databases.places(fleet.database):
            if host and not host.startswith("/"):
                place = f"{host}:{port or databases.DEFAULT_PORT}"
                yield Reached("the database", place, group="database")
    if not fleet.runs_broker:
        for host, number in brokers.parse(fleet.broker).servers:
            yield Reached("the broker", _written(host, number), group="broker")


def _reach(wanted: Iterable[Reached]) -> tuple[Reached, ...]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return tuple(threads.map(_connected, wanted))


def _connected(one: Reached) -> Reached:
    host, _, port = one.place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS).close()
    except TimeoutError:
        return Reached(one.what, one.place, f"no answer within {SECONDS:g} s", one.group)
    except OSError as refused:
        return Reached(one.what, one.place, (refused.strerror or str(refused)).lower(), one.group)
    return one


def names(fleet: Fleet) -> tuple[Resolved, ...]:
    """Look up the names of hosts and servers in fleet.yaml."""
    wanted = dict(_names(fleet))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        errors = dict(zip(wanted, threads.map(_lookup, wanted), strict=True))
    return tuple(Resolved(name, key, errors[name]) for name, key in wanted.items())


def _names(fleet: Fleet) -> Iterator[tuple[str, str]]:
    found = [(host.address, "hosts") for host in fleet.hosts]
    if fleet.proxy is not None:
        found.append((fleet.proxy.name, "proxy"))
    if fleet.witness:
        found.append((fleet.witness.rpartition(":")[0].strip("[]"), "witness"))
    found += [(one.place.rpartition(":")[0].strip("[]"), one.group) for one in _servers(fleet)]
    yield from ((name, key) for name, key in reversed(found) if name and not _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _lookup(name: str) -> str:
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as unknown:
        return (unknown.strerror or str(unknown)).lower()
    except UnicodeError:
        return "it is no name of a host"
    return ""


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
