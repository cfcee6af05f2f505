"""Addresses of fleet.yaml as addresses of containers."""

from __future__ import annotations

import ipaddress

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Host, local_host
from airfleet.render.compose_network import network
from airfleet.render.compose_servers import database

POSTGRES = database("postgresql://me:${{ secrets.word }}@postgres/airflow")


def hosts(*addresses: str) -> list[Host]:
    return [Host(f"h{number}", address) for number, address in enumerate(addresses)]


@pytest.mark.parametrize(
    ("addresses", "subnet"),
    [
        (("10.20.0.11", "10.20.0.12"), "10.20.0.8/29"),
        (("10.20.0.8", "10.20.0.9"), "10.20.0.0/28"),
        (("10.20.0.15", "10.20.0.9"), "10.20.0.0/27"),
        (("10.20.0.11", "10.20.3.1"), "10.20.0.0/22"),
        (("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"), "10.0.0.0/28"),
    ],
)
def test_the_smallest_network_with_room_for_all(addresses: tuple[str, ...], subnet: str) -> None:
    made = network(hosts(*addresses), [POSTGRES])
    assert made.options is not None
    [config] = made.options["ipam"]["config"]
    assert config["subnet"] == subnet
    around = ipaddress.ip_network(subnet)
    placed = [config["gateway"], *made.addresses.values()]
    assert len(placed) == len(set(placed)) == len(addresses) + 2
    assert all(ipaddress.ip_address(place) in list(around.hosts()) for place in placed)


def test_hosts_with_addresses_keep_them_and_all_others_get_free_ones() -> None:
    made = network(hosts("10.0.0.1", "worker.internal"), [POSTGRES])
    assert made.addresses == {"h0": "10.0.0.1", "h1": "10.0.0.3", "postgres": "10.0.0.4"}


@pytest.mark.parametrize("found", [hosts("a.internal", "b"), [local_host()]])
def test_names_are_left_to_the_engine(found: list[Host]) -> None:
    made = network(found, [POSTGRES])
    assert (made.options, made.addresses) == (None, {})


@pytest.mark.parametrize(
    ("addresses", "sentence"),
    [(("10.0.0.1", "10.9.0.1"), "too far apart"), (("fd00::1", "fd00::2"), "reach one another by IPv4")],
)
def test_addresses_that_no_network_of_containers_has(addresses: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(FleetError, match=sentence) as refused:
        network(hosts(*addresses), [])
    assert "--host NAME" in (refused.value.hint or "")
