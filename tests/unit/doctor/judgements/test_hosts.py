"""Judgements of agents, hosts, clocks and leftovers, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.agent.control import ComponentStatus, HostStatus, Snapshot
from airfleet.agent.host_facts import FactDifference, FactKind, HostDifference
from airfleet.agent.states import HostState, State
from airfleet.doctor.facts import AgentTrouble, Clocks, LeftProcess
from airfleet.doctor.finding import Seen
from airfleet.doctor.finding import State as Found
from airfleet.doctor.judgements import hosts

WRONG, WARNING, FINE = Found.WRONG, Found.WARNING, Found.FINE


def snapshot(*components: ComponentStatus, **more: object) -> Snapshot:
    return Snapshot("shop", "ready", 7, "/home", components=components, **more)  # type: ignore[arg-type]


def component(name: str, state: State, reason: str = "", kind: str = "worker") -> ComponentStatus:
    return ComponentStatus(name, kind, state, reason=reason)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (
            AgentTrouble("the agent of the fleet in /srv has died; 3 components run on without it", "airfleet up"),
            Seen(WRONG, "the agent of the fleet in /srv has died; 3 components run on without it", "airfleet up"),
        ),
        (
            snapshot(component("worker", State.READY), component("flower", State.STOPPED)),
            Seen(FINE, "the agent and 2 components are healthy"),
        ),
        (
            snapshot(component("worker", State.GAVE_UP, "died 5 times")),
            Seen(WRONG, "worker is failed: died 5 times", "airfleet logs worker"),
        ),
        (
            snapshot(component("worker", State.STARTING)),
            Seen(WARNING, "worker is starting", "airfleet status, in a moment"),
        ),
        (
            snapshot(problem="host 'one' does not join: it goes by other rules"),
            Seen(WRONG, "host 'one' does not join: it goes by other rules", "airfleet logs agent"),
        ),
        (
            snapshot(component("disk", State.DEGRADED, "it is full", kind="disk")),
            Seen(FINE, "the agent and 1 components are healthy"),
        ),
    ],
)
def test_agent_and_components(found: Snapshot | AgentTrouble, seen: Seen) -> None:
    assert hosts.agent(found) == (seen,)


def test_every_kind_of_trouble_with_other_hosts_is_a_sentence() -> None:
    others = (
        HostStatus("one", HostState.UP),
        HostStatus("two", HostState.LATE, age=21.4),
        HostStatus("three", HostState.GONE, ended_by="one"),
        HostStatus("four", HostState.LEFT),
        HostStatus("five", HostState.UP, components=(component("worker", State.BACKOFF, "it died"),)),
    )
    rules = HostDifference("five", "one", FactKind.RULES, (FactDifference("witness", "w:1", ""),))
    keys = HostDifference("five", "one", FactKind.KEYS, (FactDifference("jwt_secret", "a", "b"),))
    found = snapshot(host="one", hosts=others, missing=("six",), differences=(rules, keys), refused={"seven": "is new"})
    assert hosts.hosts(found) == (
        Seen(WRONG, "host 'two' has not been seen for 21 s", "airfleet doctor, on that host"),
        Seen(WRONG, "host 'three' was taken over by 'one'", "airfleet up, on that host"),
        Seen(WARNING, "host 'four' is down", "airfleet up, on that host"),
        Seen(WRONG, "worker on host 'five' is restarting: it died", "airfleet doctor, on that host"),
        Seen(WARNING, "host 'six' was not up yet", "airfleet up, on that host"),
        Seen(WRONG, "host 'seven' is new", "airfleet status, on that host"),
        Seen(
            WRONG,
            "host 'five' goes by other rules than 'one': witness w:1, there nothing",
            "bring both hosts to the same state",
        ),
    )


def test_hosts_that_are_well() -> None:
    two = (HostStatus("one", HostState.UP), HostStatus("two", HostState.UP))
    assert hosts.hosts(snapshot(host="one", hosts=two)) == (Seen(FINE, "all 2 hosts are up and alike"),)
    assert hosts.hosts(snapshot()) == (Seen(FINE, "this fleet has one host"),)


def test_clocks() -> None:
    assert hosts.clocks(Clocks(0.4)) == (Seen(FINE, "the clocks differ by less than 2 s from the database's"),)
    [slow] = hosts.clocks(Clocks(-30.0))
    assert (slow.state, slow.next) == (WARNING, "timedatectl set-ntp true")
    assert slow.sentence.startswith("the clock of this host is 30 s behind the database's: ")
    [far] = hosts.clocks(Clocks(200.0))
    assert far.state is WRONG
    [other] = hosts.clocks(Clocks(0.0, {"two": "the clock of this host is 9 s ahead of the database's"}))
    assert other == Seen(
        WRONG, "of host 'two': the clock of this host is 9 s ahead of the database's", "timedatectl set-ntp true"
    )


def test_processes_that_are_left() -> None:
    assert hosts.left_processes((LeftProcess(7, "sleep"),)) == (
        Seen(WRONG, "process 7 (sleep) is left of an earlier life of this fleet", "kill 7"),
    )
    many = hosts.left_processes(tuple(LeftProcess(pid, "sleep") for pid in range(9)))
    assert len(many) == 6
    assert many[-1] == Seen(WRONG, "4 more processes are left of an earlier life of this fleet", "airfleet down")
    assert hosts.left_processes(()) == (Seen(FINE, "no process is left of an earlier life of this fleet"),)


def test_data_without_a_fleet() -> None:
    assert hosts.left_data({"/var/lib/airfleet/abc": "/srv/gone"}) == (
        Seen(
            WARNING,
            "/var/lib/airfleet/abc has data of a fleet whose home /srv/gone is gone",
            "rm -r /var/lib/airfleet/abc, if nobody needs them",
        ),
    )
    assert hosts.left_data({}) == (Seen(FINE, "no data are left of a fleet that is gone"),)


def test_a_socket_of_an_agent_that_is_gone() -> None:
    socket = "/srv/my shop/agent.sock"
    assert hosts.left_socket(socket) == (
        Seen(WARNING, f"{socket} is the socket of an agent that is gone", f"rm '{socket}'"),
    )
    assert hosts.left_socket("") == (Seen(FINE, "no socket is left of an agent that is gone"),)
