"""Ports that a fleet takes: free ones, the same at each start, none that fleet.yaml gives to another."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Flower, Proxy, Tls, local_host
from airfleet.fleet.planning import ports


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server.getsockname()[1]


def free_pair() -> int:
    """A port that is free, and the next one too."""
    for _ in range(50):
        with listening() as port:
            pass
        if port < 65000 and ports.is_free(port) and ports.is_free(port + 1):
            return port
    raise AssertionError("no two free ports beside each other")


def test_the_usual_port_is_taken_when_it_is_free_and_the_next_one_when_not(tmp_path: Path) -> None:
    usual = free_pair()
    assert ports.PortBook(tmp_path / "one.json").port("api_server", usual) == usual
    with listening(usual):
        assert ports.PortBook(tmp_path / "two.json").port("api_server", usual) == usual + 1


def test_a_port_stays_the_same_from_start_to_start(tmp_path: Path) -> None:
    usual = free_pair()
    with listening(usual):
        before = ports.PortBook(tmp_path / "ports.json").port("broker", usual)
    assert before == usual + 1
    assert ports.PortBook(tmp_path / "ports.json").port("broker", usual) == before
    with listening(before):
        assert ports.PortBook(tmp_path / "ports.json").port("broker", usual) == usual


def test_a_port_that_another_fleet_has_chosen_but_does_not_listen_on_yet_is_left_to_it(tmp_path: Path) -> None:
    usual = free_pair()
    other = ports.PortBook(tmp_path / "other.json")
    assert other.port("api_server", usual) == usual
    assert ports.PortBook(tmp_path / "ours.json").port("api_server", usual) == usual + 1
    with pytest.raises(FleetError, match="is taken by another fleet that starts"):
        ports.PortBook(tmp_path / "third.json").fixed("api_server", usual, "127.0.0.1")
    other.close()
    assert ports.PortBook(tmp_path / "ours.json").port("postgres", usual) == usual


def test_one_port_is_never_given_twice(tmp_path: Path) -> None:
    usual, book = free_pair(), ports.PortBook(tmp_path / "ports.json")
    assert book.port("one", usual) == usual
    assert book.port("two", usual) == usual + 1
    assert json.loads((tmp_path / "ports.json").read_text()) == {"one": usual, "two": usual + 1}


def test_a_port_that_a_person_asked_for_and_that_is_in_use(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(FleetError) as refused:
        ports.PortBook(tmp_path / "ports.json").fixed("api_server", port, "127.0.0.1")
    assert refused.value.sentence == (
        f"port {port} of 127.0.0.1, which fleet.yaml gives to api_server, is in use by another program"
    )
    assert refused.value.hint == (
        "choose another port in fleet.yaml, or leave it out to get a free one; "
        f"'ss -ltnp sport = :{port}' names the program"
    )


FLEET = Fleet(
    "shop",
    "/srv/shop",
    hosts=(local_host(api_server=ApiServer(port=9000, count=2)),),
    proxy=Proxy(on=("local",), name="shop", tls=Tls("a", "b")),
    flower=Flower(on="local", port=5556),
)


def test_the_ports_that_fleet_yaml_gives_away() -> None:
    assert ports.given(FLEET, FLEET.hosts[0]) == {
        9000: "api_server", 9001: "api_server_2", 5556: "flower", 443: "proxy", 80: "proxy"
    }  # fmt: skip
    elsewhere = replace(FLEET, hosts=(local_host(),), proxy=replace(FLEET.proxy, on=()), flower=None)  # type: ignore[type-var]
    assert ports.given(elsewhere, elsewhere.hosts[0]) == {}


def test_who_looks_for_a_free_port_keeps_off_what_fleet_yaml_gives_to_another(tmp_path: Path) -> None:
    usual = free_pair()
    (tmp_path / "ports.json").write_text(json.dumps({"api_server": usual}))
    book = ports.PortBook(tmp_path / "ports.json")
    book.keep_off({usual: "flower"})
    assert book.port("api_server", usual) == usual + 1
    assert book.port("flower", usual) == usual


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"api_server": "8080"}', '{"api_server": null}', b"\xff\xfe"])
def test_damaged_ports_are_said(text: str | bytes, tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FleetError) as refused:
        ports.PortBook(file)
    assert refused.value.sentence == f"{file} is damaged: it is not what airfleet has written there"
    assert refused.value.hint == "delete it: free ports are looked for again"


def test_no_free_port_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "SEARCH_RANGE", 1)
    with listening() as port, pytest.raises(FleetError) as refused:
        ports.PortBook(tmp_path / "ports.json").port("api_server", port)
    assert refused.value.sentence == f"ports {port} to {port} of 127.0.0.1 are all in use"
