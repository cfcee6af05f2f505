"""A fleet of several hosts on one machine."""

from __future__ import annotations

from pathlib import Path

from airfleet.fleet.planning.local_hosts import Network
from faultlab.systems.hosts_under_test import HostsUnderTest


def test_a_host_that_the_file_names_runs_in_its_part_of_the_network(tmp_path: Path) -> None:
    fleet = HostsUnderTest(tmp_path, {"A": "b"}, count=2, given=Network(7))
    assert fleet.on("host-2").environ == {"A": "b", "AIRFLEET_HOST": "host-2", "AIRFLEET_NETNS": "airfleet-7-2"}
    assert fleet.address("host-2") == "198.18.7.2"
