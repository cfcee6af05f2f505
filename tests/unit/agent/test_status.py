"""What people are told of the hosts of a fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent import status as snapshots
from airfleet.agent.cluster.leases import HostRow
from airfleet.agent.cluster.member import ClusterFacts
from airfleet.agent.cluster.quorum import BREAK_SECONDS
from airfleet.agent.control import Snapshot
from airfleet.agent.host_facts import HostFacts, differences
from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.agent.states import HostState
from airfleet.agent.status import AgentProgress
from airfleet.cli.commands.fleet import status
from airfleet.client import agent_client
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Neighbours, Plan
from airfleet.releases.news import ReleaseState

PATHS = Paths(home=Path("/srv/shop/.airfleet"), runtime=Path("/run/shop"))
AROUND = Neighbours(("a", "b"), "replace", "10.0.0.1", 8795, "a key")
PLAN = replace(Plan("shop", Path("/srv/shop"), (), {}, {}, url="", user=""), host="a", neighbours=AROUND)
UP = HostRow("a", "1", HostState.UP, 7, "10.0.0.1", 8795, (), {}, age=0.5, steady=60.0, since=60.0, ended_by="")


def told(plan: Plan, *rows: HostRow, age: float = 0.0) -> dict[str, str]:
    """Host -> how it is."""
    life = AgentProgress(60.0, 5.0, stopping=False, done=False)
    found = snapshots.snapshot(plan, PATHS, (), life, ClusterFacts(rows, age), 60.0, troubles={}, overrides={})
    return {host.host: host.state for host in found.hosts}


@pytest.mark.parametrize("ended", ["gone", "left"])
def test_a_host_that_has_ended_is_told_of_as_long_as_fleet_yaml_names_it(ended: str) -> None:
    b, c = replace(UP, host="b", state=ended), replace(UP, host="c", state=ended)
    assert told(PLAN, UP, b, c) == {"a": "up", "b": ended}


def test_a_host_that_runs_is_told_of_also_when_fleet_yaml_does_not_name_it() -> None:
    assert told(PLAN, UP, replace(UP, host="c")) == {"a": "up", "c": "up"}


def test_a_host_that_was_never_up_is_missing_as_soon_as_it_is_known_who_was() -> None:
    life = AgentProgress(60.0, 5.0, stopping=False, done=False)
    for rows, missing in (((), ()), ((UP,), ("b",)), ((UP, replace(UP, host="b", state=HostState.LEFT)), ())):
        found = snapshots.snapshot(PLAN, PATHS, (), life, ClusterFacts(rows, 0.0), 60.0, troubles={}, overrides={})
        assert found.missing == missing


def test_only_a_fleet_without_hosts_tells_its_orders_by_itself() -> None:
    life, told = AgentProgress(60.0, 5.0, stopping=False, done=False), {"scale": {"light": {"count": 2}}}
    alone = replace(PLAN, neighbours=None)
    assert snapshots.snapshot(alone, PATHS, (), life, None, 60.0, troubles={}, overrides=told).orders == told
    several = snapshots.snapshot(PLAN, PATHS, (), life, ClusterFacts((UP,), 0.0), 60.0, troubles={}, overrides=told)
    assert several.orders == {}


def test_a_lease_that_nobody_renews_is_late_by_the_time_since_it_was_read_too() -> None:
    old = replace(UP, host="b", age=BREAK_SECONDS - 1)
    assert told(PLAN, UP, old) == {"a": "up", "b": "up"}
    assert told(PLAN, UP, old, age=2.0)["b"] == "late"


def test_a_host_that_may_not_join_has_failed_and_says_why() -> None:
    life = AgentProgress(60.0, 5.0, stopping=False, done=False)
    refused = ClusterFacts((), 0.0, refused={"a": "does not join: it is another one"})
    found = snapshots.snapshot(PLAN, PATHS, (), life, refused, 60.0, troubles={}, overrides={})
    assert (found.state, found.problem) == ("failed", "host 'a' does not join: it is another one")
    elsewhere = ClusterFacts((), 0.0, refused={"b": "does not join: it is another one"})
    found = snapshots.snapshot(PLAN, PATHS, (), life, elsewhere, 60.0, troubles={}, overrides={})
    assert (found.state, found.problem, found.refused) == ("ready", "", elsewhere.refused)
    assert not agent_client.is_healthy(found)


def test_hosts_that_differ_are_not_healthy_and_the_sentence_reaches_whoever_asks() -> None:
    life = AgentProgress(60.0, 5.0, stopping=False, done=False)
    facts = {"a": HostFacts(pipelines={"x.yaml": "1"}), "b": HostFacts(pipelines={})}
    others = ClusterFacts((UP, replace(UP, host="b")), 0.0, differences(facts, AROUND.names))
    found = snapshots.snapshot(PLAN, PATHS, (), life, others, 60.0, troubles={}, overrides={})
    heard = Snapshot.from_json(json.loads(json.dumps(found.to_json())))
    assert heard == found
    assert not agent_client.is_healthy(heard)
    assert status.headline(heard).splitlines() == [
        "fleet 'shop' is degraded, up for 1m00s: ",
        "host 'b' has other pipelines than 'a' (1 file differs: x.yaml is missing)",
    ]
    assert agent_client.is_healthy(replace(found, differences=()))


def test_reports_of_hosts_that_the_fleet_has_no_more_are_left_out_and_the_rest_reaches_whoever_asks() -> None:
    life = AgentProgress(60.0, 5.0, stopping=False, done=False)
    reports = tuple(HostRelease(host, ReleaseState.READY) for host in ("a", "b", "old"))
    told = ReleaseStatus("1" * 64, "a note", "ada", 60.0, reports, 2**20, 2**30)
    found = snapshots.snapshot(
        PLAN, PATHS, (), life, ClusterFacts((UP,)), 60.0, troubles={}, overrides={}, releases=told
    )
    heard = Snapshot.from_json(json.loads(json.dumps(found.to_json())))
    assert heard.releases == replace(told, hosts=reports[:2])
    alone = replace(PLAN, neighbours=None, host="local")
    told = replace(told, hosts=(HostRelease("local", ReleaseState.FAILED, "no room"), *reports))
    found = snapshots.snapshot(alone, PATHS, (), life, None, 60.0, troubles={}, overrides={}, releases=told)
    assert found.releases.hosts == told.hosts[:1]
