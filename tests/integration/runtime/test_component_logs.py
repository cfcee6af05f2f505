"""What components wrote on another host, over real connections: the lines, and who may read them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from fastapi import FastAPI, HTTPException

from airfleet.agent.control import ComponentStatus, HostStatus
from airfleet.agent.states import HostState, State
from airfleet.cli.queries import log_sources
from airfleet.cli.queries.log_sources import OtherHost
from airfleet.client import overrides
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.servers import secrets
from airfleet.log_server import components as component_log_server
from airfleet.system import component_logs
from airfleet.testing.ports import free_ports
from support.http_served import serving

KEY = "k" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "scheduler.log").write_text("s1\ns2\ns3\nhalf")
    (logs / "worker.log").write_text("")
    (tmp_path / "secrets.log").write_text("nobody's business\n")
    (logs / "link.log").symlink_to(tmp_path / "secrets.log")
    return logs


@pytest.fixture
def other(folder: Path) -> Iterator[OtherHost]:
    served = FastAPI()
    component_log_server.add(served, folder, KEY)
    with serving(served) as address:
        yield OtherHost("work-1", address.removeprefix("http://"), KEY)


def test_the_components_that_have_written_something_and_their_last_lines(other: OtherHost) -> None:
    assert other.names() == ["scheduler", "worker"]
    assert other.open("scheduler", from_end=True).last(2) == ["s2", "s3"]
    assert other.open("worker", from_end=True).last(2) == []


def test_more_lines_than_a_host_gives_are_refused_before_it_is_asked(other: OtherHost) -> None:
    with pytest.raises(FleetError) as refused:
        other.open("scheduler", from_end=True).last(100_001)
    assert str(refused.value) == f"{other.place} gives 100000 lines at the most"


def test_what_is_written_afterwards_comes_once_and_in_whole_lines(other: OtherHost, folder: Path) -> None:
    log = other.open("scheduler", from_end=True)
    log.last(1)
    assert log.read() == []
    with (folder / "scheduler.log").open("a") as file:
        file.write(" and half\nnext\n")
    assert log.read() == ["half and half", "next"]
    assert log.read() == []


def test_a_component_that_starts_later_is_read_from_its_beginning(other: OtherHost, folder: Path) -> None:
    (folder / "triggerer.log").write_text("t1\n")
    assert other.open("triggerer", from_end=False).read() == ["t1"]


@pytest.mark.parametrize("name", ["link", "../secrets", "nobody"])
def test_nothing_else_is_given(other: OtherHost, name: str) -> None:
    with pytest.raises(FleetError) as refused:
        other.open(name, from_end=True).last(1)
    assert "gives no logs: " in str(refused.value)
    assert "business" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [{"key": "of another fleet" * 4}, {"now": lambda: time.time() - 600}],
    ids=["of another fleet", "of ten minutes ago"],
)
def test_nobody_reads_without_a_token_of_the_fleet_that_is_good_now(other: OtherHost, changes: Any) -> None:
    with pytest.raises(FleetError) as refused:
        replace(other, **changes).names()
    assert str(refused.value) == (
        f"{other.place} gives no logs: this needs a token of the fleet\n"
        "hint: the clocks of the hosts, or their secrets, differ"
    )


def test_a_token_of_the_key_for_another_use_does_not_open() -> None:
    now = int(time.time())
    claims = {"iat": now, "exp": now + 30}
    for use in ({"aud": "airfleet task logs"}, {}):
        assert not component_logs.opens(jwt.encode({**claims, **use}, KEY, "HS512"), KEY)
    assert component_logs.opens(component_logs.token(KEY, now), KEY)


def test_without_a_key_there_is_no_token_that_opens() -> None:
    request: Any = SimpleNamespace(headers={"Authorization": f"Bearer {signed_with_nothing()}"})
    with pytest.raises(HTTPException) as refused:
        component_log_server._require_token(request, "")
    assert refused.value.status_code == 403


def signed_with_nothing() -> str:
    """A token that anybody can make, and that is right for who has no key. PyJWT does not make it."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    now = int(time.time())
    claims = {"aud": "airfleet component logs", "iat": now, "exp": now + 30}
    text = f"{part(json.dumps({'alg': 'HS512', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(hmac.new(b'', text.encode(), hashlib.sha512).digest())}"


def test_a_host_that_does_not_answer(other: OtherHost) -> None:
    (port,) = free_ports(1)
    gone = replace(other, server=f"127.0.0.1:{port}")
    with pytest.raises(FleetError) as lost:
        gone.names()
    assert str(lost.value) == (
        f"host 'work-1' (127.0.0.1:{port}) does not answer: [Errno 111] Connection refused\nhint: airfleet status"
    )


# --- which host -----------------------------------------------------------------------------------


def host(name: str, state: str = "up", **component: Any) -> HostStatus:
    components = (ComponentStatus("log-server", "log-server", State.READY, **component),) if component else ()
    return HostStatus(name, HostState(state), components=components)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    hosts = (
        host("front", pid=1, address="10.0.0.1:8793"),
        host("back", pid=2, address="10.0.0.2:8793"),
        host("serves"),
        replace(host("lost", "gone", pid=3, address="10.0.0.4:8793"), ended_by="front"),
    )
    snapshot = SimpleNamespace(fleet="shop", host="front", hosts=hosts)
    monkeypatch.setattr(overrides, "require", lambda here, host: snapshot)
    here = Project(tmp_path, {})
    (tmp_path / ".airfleet" / "hosts" / "played").mkdir(parents=True)
    secrets.load_or_generate(here.paths.secrets)
    return here


def test_the_logs_of_this_host_and_of_those_that_have_a_home_here_are_files(project: Project) -> None:
    here = project.paths.logs
    assert log_sources.of(project, None).place == log_sources.of(project, "front").place == str(here)
    assert log_sources.of(project, "played").place == str(project.on("played").paths.logs)


def test_the_logs_of_another_host_come_from_its_log_server(project: Project) -> None:
    found = log_sources.of(project, "back")
    assert found.place == "host 'back' (10.0.0.2:8793)"
    kept = secrets.load(project.paths.secrets)
    assert kept is not None
    assert isinstance(found, OtherHost)
    assert found.key == kept.component_logs_key
    assert found.key not in repr(found)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("serves", "host 'serves' is up, and has no log server that runs"),
        ("lost", "host 'lost' is gone, says front, and has no log server that runs"),
    ],
)
def test_a_host_that_nobody_can_be_asked_on(project: Project, name: str, sentence: str) -> None:
    with pytest.raises(FleetError) as nobody:
        log_sources.of(project, name)
    assert str(nobody.value) == f"{sentence}\nhint: look there: airfleet logs, in the folder of host '{name}'"
