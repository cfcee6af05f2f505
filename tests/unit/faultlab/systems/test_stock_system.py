"""Hosts of stock Airflow have the components, networks and names of a fleet's."""

from __future__ import annotations

from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import Network
from faultlab.systems import stock_system
from faultlab.systems.topology import SCHEDULER, WORKER


def test_a_host_of_stock_airflow_has_what_one_of_a_fleet_has() -> None:
    fleet = local_hosts.spread(Fleet("shop", "/srv/shop"), 4)
    for number, host in enumerate(fleet.hosts, start=1):
        there = stock_system.components_of(number)
        counts = {"api-server": host.api_server.count, SCHEDULER: host.scheduler.count, WORKER: len(host.workers)}
        assert {name: int(name in there) for name in counts} == counts
        assert ("dag-processor" in there, "triggerer" in there) == (host.dag_processor.count == 1,) * 2


def test_a_component_of_stock_airflow_is_started_in_the_network_and_under_the_name_of_its_host() -> None:
    words = stock_system.words_before(Network(7), 2, "host-2")
    place = words.index("unshare")
    assert "airfleet-7-2" in " ".join(words[:place])
    assert words[place + 1] == "--uts"
    assert words[-1] == "host-2"
