"""Rendered fields are told with the end of their attempt, or by themselves, but they are told."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any, NoReturn

import httpx
import pytest
from airflow.executors.workloads import BundleInfo
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.sdk.execution_time import comms

from airfleet.runtime import carried, coordinator, wire
from airfleet.runtime.api_client import FleetClient
from support.served import attempts_served
from unit.runtime.test_coordinator import CONTEXT

FIELDS = {"bash_command": "echo ä", "env": None}
END = "2026-01-01T00:00:00Z"
RENDERED = {"type": "SetRenderedFields", "rendered_fields": FIELDS}
SUCCESS = {"type": "SucceedTask", "end_date": END, "task_outlets": [], "outlet_events": []}
RETRY = {"type": "RetryTask", "end_date": END}
XCOM = {"type": "SetXCom", "key": "k", "value": 1, "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}

#: what an attempt says, a number being seconds of silence, and its exit code
SCRIPTS: dict[str, tuple[list[Any], int]] = {
    "short": ([RENDERED, XCOM, SUCCESS], 0),
    "long": ([RENDERED, 0.5, SUCCESS], 0),
    "twice": ([{**RENDERED, "rendered_fields": {"n": 1}}, RENDERED, SUCCESS], 0),
    "large": ([{**RENDERED, "rendered_fields": {"text": "x" * 5_000}}, SUCCESS], 0),
    "retry": ([RENDERED, RETRY], 0),
    "dies": ([RENDERED], 3),
    "nothing": ([{**RENDERED, "rendered_fields": {"env": None}}, SUCCESS], 0),
}


def says_its_lines(attempt: wire.Attempt, _: object) -> NoReturn:
    lines, code = SCRIPTS[attempt.file.path]
    with socket.socket(fileno=attempt.descriptors[1]).makefile("rwb") as monitor:
        _frame(monitor)
        for number, line in enumerate(lines):
            if isinstance(line, float):
                time.sleep(line)
                continue
            monitor.write(comms._RequestFrame(id=number, body=line).as_bytes())
            monitor.flush()
            _frame(monitor)
    os._exit(code)


def _frame(monitor: Any) -> bytes:
    found: bytes = monitor.read(int.from_bytes(monitor.read(4), "big"))
    return found


class Api:
    """Writes down what it is asked; takes fields along with an end, unless it is an old one."""

    def __init__(self, takes: bool = True, of_fields: int = 201) -> None:
        self.takes = takes
        self.of_fields = of_fields
        self.asked: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        what = "xcom" if "/xcoms/" in request.url.path else request.url.path.rpartition("/")[2]
        fields = carried.unpacked(request.headers.get(carried.HEADER, "").encode() or None)
        if what == "rtif":
            fields = json.loads(request.content)
        self.asked.append((what, fields) if fields else what)
        if what == "rtif":
            return httpx.Response(self.of_fields, json={"detail": "as it was told"})
        headers = {carried.HEADER: carried.STORED} if self.takes and fields else {}
        return httpx.Response(200, json=CONTEXT if what == "run" else {}, headers=headers)


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(carried, "LONGEST_SECONDS", 0.1)
    with attempts_served(says_its_lines):
        yield


def run(script: str, api: Api) -> int:
    """The exit code that an attempt's monitor has seen."""
    ti = TaskInstanceDTO(
        id=uuid.uuid4(), dag_id="dag", task_id="task", run_id="run", try_number=1, map_index=-1, pool_slots=1,
        queue="default", priority_weight=1, dag_version_id=uuid.uuid4(),
    )  # fmt: skip
    client: Any = FleetClient(("http://here/execution/",), transport=httpx.MockTransport(api))
    bundle = BundleInfo(name="pipelines", version=None)
    monitor = coordinator.Monitor.start_in_pool(what=ti, dag_rel_path=script, bundle_info=bundle, client=client)
    assert client.fields is None
    return int(monitor.wait())


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("short", ["run", "xcom", ("state", FIELDS)]),
        ("long", ["run", ("rtif", FIELDS), "state"]),
        ("twice", ["run", ("state", FIELDS)]),
        ("large", ["run", ("rtif", {"text": "x" * 5_000}), "state"]),
        ("retry", ["run", ("rtif", FIELDS), "state"]),
        ("dies", ["run", ("rtif", FIELDS), "state"]),
        ("nothing", ["run", "state"]),
    ],
)
def test_fields_are_told_once_and_with_a_success_where_it_comes_soon(script: str, asked: list[Any]) -> None:
    api = Api()
    assert run(script, api) == SCRIPTS[script][1]
    assert api.asked == asked


def test_a_server_that_does_not_take_them_along_is_told_by_a_request_of_its_own() -> None:
    api = Api(takes=False)
    assert run("short", api) == 0
    assert api.asked == ["run", "xcom", ("state", FIELDS), ("rtif", FIELDS)]


@pytest.mark.parametrize("status", [404, 410])
def test_an_attempt_goes_on_when_its_fields_are_refused(status: int) -> None:
    api = Api(of_fields=status)
    assert run("long", api) == 0
    assert api.asked == ["run", ("rtif", FIELDS), "state"]


@pytest.mark.parametrize("fields", [{"n": float("nan")}, {"n": {1}}, {"n": "ü" * 1_000}], ids=["nan", "set", "long"])
def test_what_no_header_can_hold_is_not_packed(fields: dict[str, Any]) -> None:
    assert carried.packed(fields) is None


@pytest.mark.parametrize("header", [b"", b"{", b"[1]", b"null", b"\xff"])
def test_a_header_that_holds_no_fields_is_passed_over(header: bytes) -> None:
    assert carried.unpacked(header) is None
