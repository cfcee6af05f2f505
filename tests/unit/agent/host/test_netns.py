"""Agents in network namespaces."""

from __future__ import annotations

from airfleet.agent.host import netns
from airfleet.fleet.planning import local_hosts


def test_an_agent_is_started_in_its_namespace_when_it_has_one() -> None:
    assert netns.within(["python"], {}) == ["python"]
    within = netns.within(["python", "-m", "x"], {local_hosts.NAMESPACE: "airfleet-37-2"})
    assert within[-3:] == ["python", "-m", "x"]
    assert any("airfleet-37-2" in word for word in within[:-3])
