"""Which api-servers nginx serves while hosts come and go, and what a real nginx makes of a change."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from airfleet.agent import upstreams
from airfleet.agent.upstreams import Upstreams
from airfleet.errors import FleetError
from airfleet.events import Event
from airfleet.fleet.components import proxy
from airfleet.fleet.plan import Exec, Plan
from airfleet.fleet.site import Door, Site
from airfleet.runtime import execution_urls
from airfleet.testing.ports import free_ports
from airfleet.testing.waiting import wait_until
from support.proxies import ask, nginx_here, serving, upstream

PLANNED = {"a": ("127.0.0.1:8080",), "b": ("10.0.0.2:8080", "10.0.0.2:8081"), "work": ()}


@dataclass(frozen=True)
class Host:
    host: str
    state: str = "up"
    address: str = "10.0.0.2"
    components: Sequence[Mapping[str, object]] = ()


def runs(*addresses: str) -> Sequence[Mapping[str, object]]:
    worker: Mapping[str, object] = {"kind": "worker", "address": ""}
    return [worker, *({"kind": "api-server", "address": address} for address in addresses)]


@pytest.mark.parametrize(
    ("own", "rows", "expected"),
    [
        (["127.0.0.1:8080"], [], ("127.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:8081")),
        (["127.0.0.1:8080"], [Host("b")], ("127.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:8081")),
        (["127.0.0.1:8080"], [Host("b", components=runs("10.0.0.2:8080"))], ("127.0.0.1:8080", "10.0.0.2:8080")),
        (["127.0.0.1:8080"], [Host("b", components=runs())], ("127.0.0.1:8080",)),
        (["127.0.0.1:8080"], [Host("b", state="gone")], ("127.0.0.1:8080",)),
        (["127.0.0.1:8080"], [Host("b", state="left")], ("127.0.0.1:8080",)),
        (
            ["0.0.0.0:8080", "0.0.0.0:8083"],
            [Host("b", components=runs("0.0.0.0:8080", "[::]:8084"))],
            ("127.0.0.1:8080", "127.0.0.1:8083", "10.0.0.2:8080", "10.0.0.2:8084"),
        ),
        (
            ["127.0.0.1:8080"],
            [Host("b", address="fd00::2", components=runs("fd00::2:8080", ":::8081"))],
            ("127.0.0.1:8080", "[fd00::2]:8080", "[fd00::2]:8081"),
        ),
        ([], [Host("b", state="gone")], ("127.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:8081")),
        (["127.0.0.1:8080"], [Host("a", state="gone"), Host("b", state="gone")], ("127.0.0.1:8080",)),
    ],
)
def test_what_there_is_of_what_was_planned(own: list[str], rows: list[Host], expected: tuple[str, ...]) -> None:
    assert upstreams.servers(PLANNED, "a", own, rows) == expected


LOCAL = Plan(
    *("shop", Path("/srv/shop"), (), {}, {}),
    url="",
    user="",
    host="a",
    execution_urls=("http://127.0.0.1:8080/org/execution/",),
    api_servers={"a": ("127.0.0.1:8080",)},
)


def silent(event: Event, **_: object) -> None:
    pytest.fail(f"nobody has to hear {event}")


def written(home: Path) -> list[str]:
    return list(execution_urls.read(execution_urls.of(home)))


def test_tasks_are_told_of_servers_that_are_added_and_taken_away(tmp_path: Path) -> None:
    execution_urls.of(tmp_path).write_text("http://127.0.0.1:9/an/earlier/life/\n")
    told = Upstreams(LOCAL, tmp_path, silent)
    assert told.urls() == LOCAL.execution_urls
    told.look(["127.0.0.1:8080"], [])
    assert written(tmp_path) == ["http://127.0.0.1:8080/org/execution/"]
    told.look(["127.0.0.1:8080", "127.0.0.1:8081"], [])
    both = ["http://127.0.0.1:8080/org/execution/", "http://127.0.0.1:8081/org/execution/"]
    assert (written(tmp_path), list(told.urls())) == (both, both)
    told.look(["127.0.0.1:8081"], [])
    assert written(tmp_path) == both[1:]


def test_tasks_ask_nginx_first_where_it_has_several_to_choose_from(tmp_path: Path) -> None:
    plan = replace(LOCAL, site=Site(("127.0.0.1:8080",), local=Door("127.0.0.1", 8100)))
    told = Upstreams(plan, tmp_path, silent)
    told.look(["127.0.0.1:8080"], [])
    assert written(tmp_path) == ["http://127.0.0.1:8080/org/execution/"]
    told.look(["127.0.0.1:8080", "127.0.0.1:8081"], [])
    assert written(tmp_path)[0] == "http://127.0.0.1:8100/org/execution/"
    assert len(written(tmp_path)) == 3


def test_what_cannot_be_written_down_is_said_once(tmp_path: Path) -> None:
    said: list[Event] = []
    nowhere = tmp_path / "file"
    nowhere.touch()
    told = Upstreams(LOCAL, nowhere, lambda event, **_: said.append(event))
    told.look(["127.0.0.1:8080"], [])
    told.look(["127.0.0.1:8080"], [])
    assert said == [Event.API_SERVERS_UNTOLD]


def test_a_file_of_an_earlier_life_does_not_stay_when_it_cannot_be_written_again(tmp_path: Path) -> None:
    stale = execution_urls.of(tmp_path)
    stale.write_text("http://127.0.0.1:9/an/earlier/life/\n")
    (tmp_path / f".{stale.name}.{os.getpid()}").mkdir()  # in the way of the draft
    Upstreams(LOCAL, tmp_path, lambda event, **_: None).look(["127.0.0.1:8080"], [])
    assert written(tmp_path) == []


def test_a_running_nginx_is_told_and_refuses_what_it_does_not_take(tmp_path: Path) -> None:
    (local,) = free_ports(1)
    with upstream("one") as one, upstream("two") as two, nginx_here(tmp_path) as found:
        door = Door("127.0.0.1", local)
        site = Site((one.place,), local=door, user=found.user, version=found.version)
        start = Exec(proxy.command(found))
        with serving(found, site) as process:

            def answers() -> set[str]:
                return {ask(door, "/execution/x", host="127.0.0.1").json()["server"] for _ in range(4)}

            assert answers() == {"one"}
            upstreams.tell(start, site, (one.place, two.place), process.pid)
            wait_until(lambda: answers() == {"one", "two"}, 10, "both are asked")
            upstreams.tell(start, site, (two.place,), process.pid)
            wait_until(lambda: answers() == {"two"}, 10, "the second one alone is asked")
            before = (found.folder / "nginx.conf").read_text()
            with pytest.raises(FleetError, match="nginx does not take its new configuration"):
                upstreams.tell(start, site, ("no.such.host.invalid:99999",), process.pid)
            assert (found.folder / "nginx.conf").read_text() == before
            assert answers() == {"two"}
