"""The network of a compose project, in which containers have the addresses of fleet.yaml."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import LOCAL, Host
from airfleet.render.compose_servers import Server

#: a network with a smaller prefix would take addresses of half the world
_WIDEST: Final = 16
_NARROWEST: Final = 29


@dataclass(frozen=True)
class Network:
    """A network's options, and the addresses of the services that have one of their own there."""

    options: Mapping[str, Any] | None
    addresses: Mapping[str, str]


def network(hosts: Sequence[Host], servers: Sequence[Server]) -> Network:
    """Make the network of some hosts and servers; services whose hosts have names get the engine's addresses.

    Raises FleetError when addresses are IPv6, or too far apart for one network.
    """
    given = {host.name: host.address for host in hosts if host.name != LOCAL and _is_number(host.address)}
    if not given:
        return Network(None, {})
    addresses = {name: ipaddress.ip_address(address) for name, address in given.items()}
    if any(isinstance(address, ipaddress.IPv6Address) for address in addresses.values()):
        raise FleetError("containers of one project reach one another by IPv4", hint=_BY_NAMES)
    others = [host.name for host in hosts if host.name not in given] + [server.name for server in servers]
    subnet = _around([int(address) for address in addresses.values()], len(others))
    gateway, *more = _free(subnet, set(addresses.values()), 1 + len(others))
    placed = {**given, **dict(zip(others, map(str, more), strict=True))}
    return Network({"ipam": {"config": [{"subnet": str(subnet), "gateway": str(gateway)}]}}, placed)


_BY_NAMES: Final = "write names as addresses of hosts, like 'address: work-1', or render one host: --host NAME"


def _is_number(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _around(addresses: Sequence[int], others: int) -> ipaddress.IPv4Network:
    """Find the smallest network in which each address, a gateway and all other services have a place."""
    for prefix in range(_NARROWEST, _WIDEST - 1, -1):
        subnet = ipaddress.ip_network((min(addresses), prefix), strict=False)
        assert isinstance(subnet, ipaddress.IPv4Network)
        first, last = int(subnet.network_address), int(subnet.broadcast_address)
        fits = all(first < address < last for address in addresses)
        if fits and last - first - 1 >= len(addresses) + 1 + others:
            return subnet
    raise FleetError("addresses of hosts are too far apart for one network of containers", hint=_BY_NAMES)


def _free(subnet: ipaddress.IPv4Network, taken: set[Any], count: int) -> Iterator[ipaddress.IPv4Address]:
    free = (address for address in subnet.hosts() if address not in taken)
    return (next(free) for _ in range(count))
