"""A laptop's fleet on several hosts of one machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Instances, Worker
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets

CONTROL = Host("control", "10.0.0.1", Instances(), ApiServer(), Instances(), Instances())


WORK = Host("work-1", "10.0.0.2", workers=(Worker(),))


SHOP = Fleet("shop", "/shop", hosts=(CONTROL, WORK), database="postgresql://db/airflow", broker="redis://mq/0")


LAPTOP = Fleet("laptop", "/laptop")


def test_a_laptops_fleet_on_three_hosts_has_two_schedulers_and_three_workers() -> None:
    fleet = local_hosts.of(LAPTOP, {local_hosts.COUNT: "3"})
    assert [host.name for host in fleet.hosts] == ["host-1", "host-2", "host-3"]
    assert [host.scheduler.count for host in fleet.hosts] == [1, 1, 0]
    assert [host.api_server.count for host in fleet.hosts] == [1, 0, 0]
    assert [len(host.workers) for host in fleet.hosts] == [1, 1, 1]
    with pytest.raises(FleetError, match="names the hosts of fleet 'shop' itself"):
        local_hosts.of(SHOP, {local_hosts.COUNT: "3"})


def test_the_others_find_the_servers_of_the_first(tmp_path: Path) -> None:
    fleet, first = local_hosts.spread(LAPTOP, 2), Paths(tmp_path, tmp_path)
    kept = secrets.generate()
    with pytest.raises(FleetError, match="was never started"):
        local_hosts.seen_from("host-2", fleet, first, kept)
    first.ports.write_text(json.dumps({"api_server": 8081, "postgres": 5433, "broker": 6380}))
    seen = local_hosts.seen_from("host-2", fleet, first, kept)
    assert f"airflow:{kept.airflow_password}@127.0.0.1:5433/airflow" in seen.database
    assert seen.broker == f"redis://:{kept.broker_password}@127.0.0.1:6380/0"
    assert seen.hosts[0].api_addresses == (("127.0.0.1", 8081),)
    assert seen.witness == "127.0.0.1:5433"
    assert local_hosts.seen_from("host-1", fleet, first, kept) == fleet


def test_hosts_with_networks_of_their_own_have_addresses_there_and_the_servers_are_at_the_first(tmp_path: Path) -> None:
    network = local_hosts.Network(37)
    fleet = local_hosts.of(LAPTOP, {local_hosts.COUNT: "3", local_hosts.NETWORK: network.prefix})
    assert [host.address for host in fleet.hosts] == ["198.18.37.1", "198.18.37.2", "198.18.37.3"]
    first = Paths(tmp_path, tmp_path)
    first.ports.write_text(json.dumps({"api_server": 8080, "postgres": 5432, "broker": 6379}))
    seen = local_hosts.seen_from("host-2", fleet, first, secrets.generate())
    assert "@198.18.37.1:5432/airflow" in seen.database
    assert seen.broker.endswith("@198.18.37.1:6379/0")
    assert seen.hosts[0].api_addresses == (("198.18.37.1", 8080),)
