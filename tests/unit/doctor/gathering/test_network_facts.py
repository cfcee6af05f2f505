"""Ports and names are tried for real, on this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from airfleet.agent.control import ComponentStatus, HostStatus, Snapshot
from airfleet.agent.states import HostState, State
from airfleet.doctor.facts import Listener, Reached, Resolved
from airfleet.doctor.gathering import network_facts
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, Proxy, local_host
from airfleet.fleet.planning.plan import Plan


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def component(name: str, port: int, state: State = State.READY, kind: str = "api-server") -> ComponentStatus:
    return ComponentStatus(name, kind, state, address=f"127.0.0.1:{port}")


def test_a_component_that_listens_is_told_from_a_stranger_and_from_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, closed = server.getsockname()[1], closed_port()
        parts = (component("a", port), component("b", closed), component("c", closed, State.BACKOFF))
        elsewhere = component("broker", closed, kind="broker")
        snapshot = Snapshot("shop", "ready", 7, "/home", components=(*parts, elsewhere))
        stranger = "a program that is not of this fleet"
        assert network_facts.listeners(snapshot, [os.getpid()]) == (
            Listener("a", "127.0.0.1", port, is_ours=True, held_by=stranger),
            Listener("b", "127.0.0.1", closed),
        )
        assert network_facts.listeners(snapshot, [])[0] == Listener("a", "127.0.0.1", port, held_by=stranger)


def test_ports_that_fleet_yaml_gives_are_free_or_held() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, closed = server.getsockname()[1], closed_port()
        here = local_host(api_server=ApiServer(port=port))
        proxy = Proxy(("local",), "localhost", address="0.0.0.0", port=closed)
        fleet = Fleet("shop", "/srv", hosts=(here,), proxy=proxy)
        assert network_facts.of_file(fleet, "local") == (
            Listener("api-server", "127.0.0.1", port, held_by="a program that is not of this fleet", is_expected=False),
            Listener("nginx", "0.0.0.0", closed, is_expected=False),
        )
    assert network_facts.of_file(Fleet("shop", "/srv"), "local") == ()


def test_servers_of_fleet_yaml_are_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, closed = server.getsockname()[1], closed_port()
        fleet = Fleet(
            "shop", "/srv", database=f"postgresql://me@127.0.0.1:{port}/shop", broker=f"redis://127.0.0.1:{closed}/0"
        )
        assert network_facts.of_servers(fleet) == (
            Reached("the database", f"127.0.0.1:{port}", "", "database"),
            Reached("the broker", f"127.0.0.1:{closed}", "connection refused", "broker"),
        )
    assert network_facts.of_servers(Fleet("shop", "/srv")) == ()


def test_a_server_whose_name_has_no_address_is_not_tried() -> None:
    fleet = Fleet("shop", "/srv", database="postgresql://me@no-such-host.invalid/shop")
    assert network_facts.of_servers(fleet) == ()
    [name] = network_facts.names(fleet)
    assert (name.name, name.key) == ("no-such-host.invalid", "database")
    assert name.error


def test_addresses_are_not_looked_up() -> None:
    hosts = (Host("one", "127.0.0.1"), Host("two", "localhost"))
    assert network_facts.names(Fleet("shop", "/srv", hosts=hosts)) == ()
    named = (Host("one", socket.gethostname()),)
    assert [one.key for one in network_facts.names(Fleet("shop", "/srv", hosts=named))] == ["hosts"]
    assert isinstance(network_facts.names(Fleet("shop", "/srv", hosts=named))[0], Resolved)


def test_hosts_that_are_down_are_not_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, closed = server.getsockname()[1], closed_port()
        hosts = (
            HostStatus("one", HostState.UP, address="127.0.0.1", port=port),
            HostStatus("two", HostState.UP, address="127.0.0.1", port=closed),
            HostStatus("three", HostState.LEFT, address="127.0.0.1", port=closed),
            HostStatus("four", HostState.UP, address="127.0.0.1", port=port),
        )
        snapshot = Snapshot("shop", "ready", 7, "/home", host="one", hosts=hosts)
        plan = Plan("shop", Path("/srv"), (), {}, {}, "", "admin", api_servers={"four": (f"127.0.0.1:{port}",)})
        assert network_facts.of_hosts(snapshot, plan) == (
            Reached("the agent of host 'two'", f"127.0.0.1:{closed}", "connection refused"),
            Reached("the agent of host 'four'", f"127.0.0.1:{port}"),
            Reached("an api-server of host 'four'", f"127.0.0.1:{port}"),
        )
