"""What a host does as its quorum decides: the order of the steps, and what they leave running."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.cluster.leases import HostRow
from airfleet.agent.cluster.member import ClusterMember, Standalone
from airfleet.agent.cluster.quorum import Action, EndAttempts, StartAnew, TakeOver
from airfleet.agent.cluster.watchdog import Permission
from airfleet.agent.context import AgentContext
from airfleet.events import Event, Surprises
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Neighbours, Plan

AROUND = Neighbours(("one", "two"), "replace", "127.0.0.1", 0, "a key")


@dataclass
class Decided:
    """A membership that decides what a test says."""

    actions: tuple[Action, ...] = ()
    left_seconds: float = 8.0
    lease: bool = True
    hostname: str = "one.1"
    trouble: str = "waits for the database: away"
    refusal: str = ""
    clock_trouble: str = ""
    rows: Sequence[HostRow] = ()
    differences: Sequence[Any] = ()
    refused: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    did: list[Any] = field(default_factory=list)

    def decide(self, runs: bool) -> tuple[Action, ...]:
        self.did.append(("decide", runs))
        return self.actions

    def take_over(self, action: TakeOver) -> None:
        self.did.append(action)

    def seconds_left(self) -> float:
        return self.left_seconds

    def may_start(self) -> bool:
        return self.lease

    def start_anew(self) -> None:
        self.hostname = "one.2"
        self.did.append("start anew")

    def override(self, host: str, overrides: dict[str, Any]) -> None:
        self.did.append((host, overrides))

    def age(self) -> float:
        return 1.0


@dataclass
class Told:
    """A watchdog that remembers its permissions, or cannot be started."""

    permissions: list[Permission] = field(default_factory=list)
    is_refused: bool = False
    pid: int | None = None

    def permit(self, permission: Permission) -> None:
        if self.is_refused:
            raise OSError("no process left")
        self.permissions.append(permission)


@dataclass
class Host:
    """Processes of a host, which runs workers and something that the zygote has forked."""

    workers: bool = True
    forked: bool = True
    forgiven: int = 0
    killed: int = 0

    def have_workers(self) -> bool:
        return self.workers

    def pids_without_attempts(self) -> frozenset[int]:
        return frozenset({7})

    def forgive_workers(self) -> None:
        self.forgiven += 1

    def kill_forked(self) -> None:
        self.killed += 1

    def have_forked(self) -> bool:
        return self.forked


@dataclass
class Cluster:
    """A member, and everything that it is given."""

    said: list[Event]
    membership: Decided
    watchdog: Told
    host: Host
    member: ClusterMember


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    said: list[Event] = []

    def log(event: Event, **_: object) -> None:
        said.append(event)

    plan = Plan("toy", tmp_path, (), {}, {}, url="", user="", host="one", neighbours=AROUND)
    context = AgentContext(plan, Paths(tmp_path / "home", tmp_path), log, lambda: 0.0, Surprises("", log))
    membership, watchdog, host = Decided(), Told(), Host()
    member = ClusterMember(context, membership, watchdog, host)  # type: ignore[arg-type]
    return Cluster(said, membership, watchdog, host, member)


def test_a_takeover_is_handed_to_the_thread_that_may_wait(cluster: Cluster) -> None:
    cluster.membership.actions = (TakeOver("two", "b"),)
    assert not cluster.member.step()
    assert cluster.membership.did == [("decide", True), TakeOver("two", "b")]
    assert (cluster.said, cluster.host.forgiven) == ([], 0)


def test_attempts_that_are_ended_are_no_fault_of_their_workers(cluster: Cluster) -> None:
    cluster.membership.actions = (EndAttempts(12.0),)
    assert not cluster.member.step()
    assert (cluster.said, cluster.host.forgiven, cluster.host.killed) == ([Event.ATTEMPTS_ENDED], 1, 0)
    assert not cluster.member.ends_incarnation


def test_another_incarnation_begins_when_nothing_runs_under_the_old_name_and_not_before(cluster: Cluster) -> None:
    cluster.membership.actions = (StartAnew(),)
    for _ in range(2):
        assert not cluster.member.step()
    assert (cluster.host.killed, cluster.member.ends_incarnation) == (1, True)
    assert "start anew" not in cluster.membership.did
    assert cluster.member.obstacle("scheduler", forked=True) is not None
    assert cluster.member.obstacle("postgres", forked=False) is None
    cluster.host.forked, cluster.membership.actions = False, ()
    assert cluster.member.step()
    assert (cluster.member.hostname, cluster.member.ends_incarnation) == ("one.2", False)
    assert cluster.said == [Event.ATTEMPTS_ENDED, Event.STARTED_ANEW]


def test_without_a_lease_only_what_no_attempt_depends_on_may_start(cluster: Cluster) -> None:
    cluster.membership.lease = False
    assert cluster.member.obstacle("worker", forked=True) == "waits for the database: away"
    assert cluster.member.obstacle("api-server", forked=True) is None


@pytest.mark.parametrize(("workers", "seconds"), [(True, 8.0), (False, math.inf)])
def test_the_watchdog_has_a_deadline_only_while_attempts_may_run(
    cluster: Cluster, workers: bool, seconds: float
) -> None:
    cluster.host.workers = workers
    cluster.member.step()
    (permission,) = cluster.watchdog.permissions
    assert permission.seconds == seconds
    assert 7 in permission.spared


def test_a_watchdog_that_cannot_be_started_is_tried_again_and_said_once(cluster: Cluster) -> None:
    cluster.watchdog.is_refused = True
    for _ in range(2):
        cluster.member.step()
    assert cluster.said == [Event.WATCHDOG_MISSING]
    cluster.watchdog.is_refused = False
    cluster.member.step()
    assert len(cluster.watchdog.permissions) == 1


def test_an_override_without_a_name_is_for_this_host(cluster: Cluster) -> None:
    cluster.member.override("", {"drained": True})
    cluster.member.override("two", {"drained": True})
    assert cluster.membership.did == [("one", {"drained": True}), ("two", {"drained": True})]


def test_a_host_that_may_not_join_is_shown_among_the_refused(cluster: Cluster) -> None:
    cluster.membership.refusal = "does not join"
    facts = cluster.member.facts()
    assert facts is not None
    assert facts.refused == {"one": "does not join"}


def test_a_host_alone_needs_no_lease_and_keeps_its_own_overrides() -> None:
    alone = Standalone("local")
    alone.override("elsewhere", {"drained": True})
    assert alone.overrides == {}
    alone.override("local", {"drained": True})
    alone.override("", {"scale": {}})
    assert alone.overrides == {"drained": True, "scale": {}}
    assert (alone.step(), alone.facts(), alone.obstacle("worker", forked=True)) == (False, None, None)
