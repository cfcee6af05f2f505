"""The fleet.yaml of a fleet under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet.config.reader import FILE_NAME, read_file
from airfleet.fleet.planning.local_hosts import Network
from faultlab import matrix
from faultlab.systems.fleet_yaml import BROKER, DATABASE, fleet_yaml
from faultlab.systems.topology import Topology


@pytest.mark.parametrize("topology", [matrix.BY_NUMBER[number].topology for number in ("F7a", "F8a")])
def test_a_fleet_with_two_control_hosts_has_no_problem_and_either_may_be_lost(
    topology: Topology, tmp_path: Path
) -> None:
    urls = {DATABASE: "postgresql://u@198.18.7.254/a", BROKER: "redis://198.18.7.254:6379/0"}
    (tmp_path / FILE_NAME).write_text(
        fleet_yaml(topology, urls, {"A": "b"}, network=Network(7), witness="198.18.7.254:5432")
    )
    fleet = read_file(tmp_path / FILE_NAME, urls)
    assert (fleet.database, fleet.broker, fleet.environment) == (*urls.values(), {"A": "b"})
    assert [host.address for host in fleet.hosts] == [f"198.18.7.{number}" for number in range(1, topology.hosts + 1)]
    for number, host in enumerate(fleet.hosts, start=1):
        deciding = (host.scheduler, host.api_server, host.dag_processor, host.triggerer)
        assert [one.count for one in deciding] == [int(number <= 2)] * 4
        assert [worker.slots for worker in host.workers] == [topology.slots]
    front = fleet.proxy.on if fleet.proxy else ()
    assert (front, fleet.witness) == (((), "198.18.7.254:5432") if topology.hosts == 2 else (("host-3",), None))
