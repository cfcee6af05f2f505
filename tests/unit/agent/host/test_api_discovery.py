"""Which api-servers nginx serves while hosts come and go, and what a real nginx makes of a change."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from airfleet.agent.host import api_discovery
from airfleet.agent.host.api_discovery import ApiDiscovery
from airfleet.agent.states import HostState
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.components import proxy
from airfleet.fleet.planning.plan import Exec, Plan
from airfleet.fleet.servers.nginx_site import Door, Site
from airfleet.spool import api_endpoints
from airfleet.testing.ports import free_ports
from support.proxies import ask, nginx_here, serving, upstream

PLANNED = {"a": ("127.0.0.1:8080",), "b": ("10.0.0.2:8080", "10.0.0.2:8081"), "work": ()}


@dataclass(frozen=True)
class Host:
    host: str
    state: HostState = HostState.UP
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
        (["127.0.0.1:8080"], [Host("b", state=HostState.GONE)], ("127.0.0.1:8080",)),
        (["127.0.0.1:8080"], [Host("b", state=HostState.LEFT)], ("127.0.0.1:8080",)),
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
        ([], [Host("b", state=HostState.GONE)], ("127.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:8081")),
        (["127.0.0.1:8080"], [Host("a", state=HostState.GONE), Host("b", state=HostState.GONE)], ("127.0.0.1:8080",)),
    ],
)
def test_what_there_is_of_what_was_planned(own: list[str], rows: list[Host], expected: tuple[str, ...]) -> None:
    assert api_discovery.servers(PLANNED, "a", own, rows) == expected


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
    return list(api_endpoints.read(api_endpoints.file_of(home)))


def test_tasks_are_told_of_servers_that_are_added_and_taken_away(tmp_path: Path) -> None:
    api_endpoints.file_of(tmp_path).write_text("http://127.0.0.1:9/an/earlier/life/\n")
    told = ApiDiscovery(LOCAL, tmp_path, silent)
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
    told = ApiDiscovery(plan, tmp_path, silent)
    told.look(["127.0.0.1:8080"], [])
    assert written(tmp_path) == ["http://127.0.0.1:8080/org/execution/"]
    told.look(["127.0.0.1:8080", "127.0.0.1:8081"], [])
    assert written(tmp_path)[0] == "http://127.0.0.1:8100/org/execution/"
    assert len(written(tmp_path)) == 3


def test_what_cannot_be_written_down_is_said_once(tmp_path: Path) -> None:
    said: list[Event] = []
    nowhere = tmp_path / "file"
    nowhere.touch()
    told = ApiDiscovery(LOCAL, nowhere, lambda event, **_: said.append(event))
    told.look(["127.0.0.1:8080"], [])
    told.look(["127.0.0.1:8080"], [])
    assert said == [Event.API_SERVERS_UNTOLD]


def test_a_file_of_an_earlier_life_does_not_stay_when_it_cannot_be_written_again(tmp_path: Path) -> None:
    stale = api_endpoints.file_of(tmp_path)
    stale.write_text("http://127.0.0.1:9/an/earlier/life/\n")
    (tmp_path / f".{stale.name}.{os.getpid()}").mkdir()  # in the way of the draft
    ApiDiscovery(LOCAL, tmp_path, lambda event, **_: None).look(["127.0.0.1:8080"], [])
    assert written(tmp_path) == []


class Teller:
    """Upstreams that are told of by one nginx, whose children it reaps as the agent does."""

    def __init__(self, start: Exec, site: Site, home: Path) -> None:
        self.said: list[tuple[Event, str]] = []
        self.now = 0.0
        plan = replace(LOCAL, site=site, api_servers={"a": site.api_servers})
        self.start = start
        self.told = ApiDiscovery(plan, home, self._hear, lambda: self.now)

    def _hear(self, event: Event, **payload: str) -> None:
        self.said.append((event, " ".join(payload.values())))

    def tell(self, servers: Sequence[str], pid: int | None) -> Event:
        """What becomes of it that there are these servers now."""
        self.told.look(servers, [])
        before = len(self.said)
        self.told.tell_nginx(self.start, pid)
        self.reap(0)
        self.told.tell_nginx(self.start, pid)
        ((event, _),) = self.said[before:]
        return event

    def reap(self, flags: int) -> None:
        assert self.told._trial is not None
        pid, status = os.waitpid(self.told._trial.pid, flags)
        if pid:
            assert self.told.ended(pid, status)


@pytest.mark.needs("nginx")
def test_a_running_nginx_is_told_and_refuses_what_it_does_not_take(tmp_path: Path) -> None:
    (local,) = free_ports(1)
    with upstream("one") as one, upstream("two") as two, nginx_here(tmp_path) as found:
        door = Door("127.0.0.1", local)
        site = Site((one.place,), local=door, user=found.user, version=found.version)
        teller = Teller(Exec(proxy.command(found)), site, tmp_path)
        with serving(found, site) as process:

            def answers() -> set[str]:
                return {ask(door, "/execution/x", host="127.0.0.1").json()["server"] for _ in range(4)}

            assert answers() == {"one"}
            assert teller.tell((one.place, two.place), process.pid) is Event.UPSTREAMS_CHANGED
            wait_until(lambda: answers() == {"one", "two"}, 10, "both are asked")
            assert teller.tell((two.place,), process.pid) is Event.UPSTREAMS_CHANGED
            wait_until(lambda: answers() == {"two"}, 10, "the second one alone is asked")
            before = (found.folder / "nginx.conf").read_text()
            assert teller.tell(("no.such.host.invalid:99999",), process.pid) is Event.UPSTREAMS_REFUSED
            assert "nginx does not take its new configuration: " in teller.said[-1][1]
            assert (found.folder / "nginx.conf").read_text() == before
            assert not (found.folder / api_discovery.CANDIDATE).exists()
            assert answers() == {"two"}
            teller.told.tell_nginx(teller.start, process.pid)  # the same is not tried again at once
            assert teller.told._trial is None
            assert teller.tell((one.place,), process.pid) is Event.UPSTREAMS_CHANGED  # others are


def test_an_nginx_that_takes_long_to_read_is_not_waited_for_and_asked_again_after_a_while(tmp_path: Path) -> None:
    """As where the names of api-servers are to be resolved and nobody does that."""
    slow = tmp_path / "nginx"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    (tmp_path / "nginx.conf").write_text("in use")
    start = Exec((str(slow), "-p", f"{tmp_path}/", "-c", "nginx.conf"))
    teller = Teller(start, Site(("127.0.0.1:8080",), local=Door("127.0.0.1", 8100)), tmp_path)
    teller.told.look(["127.0.0.1:8080", "127.0.0.1:8081"], [])
    began = time.monotonic()
    teller.told.tell_nginx(start, None)
    teller.told.tell_nginx(start, None)
    assert time.monotonic() - began < api_discovery.TEST_SECONDS / 2
    teller.reap(os.WNOHANG)
    assert teller.told._trial is not None
    assert teller.told._trial.status is None  # it reads on
    teller.now = api_discovery.TEST_SECONDS + 1
    teller.told.tell_nginx(start, None)
    teller.reap(0)
    teller.told.tell_nginx(start, None)
    assert teller.said == [(Event.UPSTREAMS_REFUSED, "nginx did not get to say whether it takes its new configuration")]
    assert (tmp_path / "nginx.conf").read_text() == "in use"
    teller.told.tell_nginx(start, None)
    assert teller.told._trial is None
    teller.now += api_discovery.REFUSED_BACKOFF.first
    teller.told.tell_nginx(start, None)
    assert teller.told._trial is not None
    os.kill(teller.told._trial.pid, 9)
    teller.reap(0)
    teller.told.tell_nginx(start, None)


def test_what_cannot_be_tried_is_tried_again_later_each_time_and_said_once(tmp_path: Path) -> None:
    """As where the disk is full."""
    start = Exec((str(tmp_path / "no nginx"), "-p", f"{tmp_path}/", "-c", "nginx.conf"))
    teller = Teller(start, Site(("127.0.0.1:8080",), local=Door("127.0.0.1", 8100)), tmp_path)
    teller.told.look(["127.0.0.1:8080", "127.0.0.1:8081"], [])
    tried = []
    for second in range(0, 200, 10):
        teller.now = second
        teller.told.tell_nginx(start, None)
        if (tmp_path / api_discovery.CANDIDATE).exists():
            tried.append(second)
            (tmp_path / api_discovery.CANDIDATE).unlink()
    assert tried == [0, 30, 90]
    assert [event for event, _ in teller.said] == [Event.UPSTREAMS_REFUSED]
    teller.told.look(["127.0.0.1:8081"], [])
    teller.told.tell_nginx(start, None)
    assert (tmp_path / api_discovery.CANDIDATE).exists()
