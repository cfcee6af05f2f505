"""A project and its environment."""

from __future__ import annotations

from pathlib import Path

from airfleet.client.project import Project
from airfleet.fleet.planning import local_hosts


def test_a_project_knows_the_network_that_its_hosts_have(tmp_path: Path) -> None:
    here = Project(tmp_path, {"AIRFLEET_HOST": "host-2"})
    (tmp_path / ".airfleet").mkdir()
    here.played.write_text("3")
    assert here.environment == {"AIRFLEET_LOCAL_HOSTS": "3", "AIRFLEET_HOST": "host-2"}
    here.network.write_text("37")
    assert here.environment[local_hosts.NETWORK] == "198.18.37"
    assert here.environment[local_hosts.NAMESPACE] == "airfleet-37-2"
