"""Rendered fields are told with the end of their attempt, or by themselves, but they are told."""

from __future__ import annotations

import json
import os
import select
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import httpx
import pytest
from airflow.executors.workloads import BundleInfo
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.sdk.execution_time import comms

from airfleet.task_process import ipc
from airfleet.worker import piggyback
from airfleet.worker.api_client import FleetClient
from airfleet.worker.attempt_monitor import AttemptMonitor
from support.served import attempts_served
from unit.worker.test_coordinator import CONTEXT

FIELDS = {"bash_command": "echo ä", "env": None}
END = "2026-01-01T00:00:00Z"
RENDERED = {"type": "SetRenderedFields", "rendered_fields": FIELDS}
SUCCESS = {"type": "SucceedTask", "end_date": END, "task_outlets": [], "outlet_events": []}
RETRY = {"type": "RetryTask", "end_date": END}
XCOM = {"type": "SetXCom", "key": "k", "value": 1, "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1}

SECONDS = 10.0
#: in place of a message: silence until the fields were told
UNTIL_TOLD = "until told"

#: what an attempt says, and its exit code
SCRIPTS: dict[str, tuple[list[Any], int]] = {
    "short": ([RENDERED, XCOM, SUCCESS], 0),
    "long": ([RENDERED, UNTIL_TOLD, SUCCESS], 0),
    "twice": ([{**RENDERED, "rendered_fields": {"n": 1}}, RENDERED, SUCCESS], 0),
    "large": ([{**RENDERED, "rendered_fields": {"text": "x" * 5_000}}, SUCCESS], 0),
    "retry": ([RENDERED, RETRY], 0),
    "dies": ([RENDERED], 3),
    "nothing": ([{**RENDERED, "rendered_fields": {"env": None}}, SUCCESS], 0),
}


def says_its_lines(told: int, attempt: ipc.Attempt, _: object) -> NoReturn:
    lines, code = SCRIPTS[attempt.file.path]
    with socket.socket(fileno=attempt.descriptors[1]).makefile("rwb") as monitor:
        _frame(monitor)
        for number, line in enumerate(lines):
            if line == UNTIL_TOLD:
                select.select([told], [], [], SECONDS)
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
        if request.url.path.endswith("/heartbeat"):  # there are some when the machine is slow
            return httpx.Response(204)
        what = "xcom" if "/xcoms/" in request.url.path else request.url.path.rpartition("/")[2]
        fields = piggyback.unpacked(request.headers.get(piggyback.HEADER, "").encode() or None)
        if what == "rtif":
            fields = json.loads(request.content)
        self.asked.append((what, fields) if fields else what)
        if what == "rtif":
            return httpx.Response(self.of_fields, json={"detail": "as it was told"})
        headers = {piggyback.HEADER: piggyback.STORED} if self.takes and fields else {}
        return httpx.Response(200, json=CONTEXT if what == "run" else {}, headers=headers)


@dataclass(frozen=True)
class Runs:
    """Attempts, each of which says what a script holds."""

    #: what ends the silence of one
    tells: int

    def __call__(self, script: str, api: Api) -> int:
        """The exit code that an attempt's monitor has seen."""

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/rtif"):
                os.write(self.tells, b"told")
            return api(request)

        ti = TaskInstanceDTO(
            id=uuid.uuid4(), dag_id="dag", task_id="task", run_id="run", try_number=1, map_index=-1, pool_slots=1,
            queue="default", priority_weight=1, dag_version_id=uuid.uuid4(),
        )  # fmt: skip
        client: Any = FleetClient(("http://here/execution/",), transport=httpx.MockTransport(answer))
        bundle = BundleInfo(name="pipelines", version=None)
        monitor = AttemptMonitor.start_in_pool(what=ti, dag_rel_path=script, bundle_info=bundle, client=client)
        assert client.fields is None
        with pytest.MonkeyPatch.context() as patch:
            silent = UNTIL_TOLD in SCRIPTS[script][0]
            patch.setattr(piggyback, "LONGEST_SECONDS", 0.1 if silent else SECONDS)
            return int(monitor.wait())


@pytest.fixture
def run() -> Iterator[Runs]:
    told, tells = os.pipe()
    with attempts_served(partial(says_its_lines, told)):
        yield Runs(tells)
    os.close(told)
    os.close(tells)


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("short", ["run", "xcom", ("state", FIELDS)]),
        ("long", ["run", ("rtif", FIELDS), "state"]),
        ("twice", ["run", ("state", FIELDS)]),
        ("large", ["run", ("rtif", {"text": "x" * 5_000}), "state"]),
        ("retry", ["run", ("rtif", FIELDS), "state"]),
        ("dies", ["run", ("rtif", FIELDS)]),
        ("nothing", ["run", "state"]),
    ],
)
def test_fields_are_told_once_and_with_a_success_where_it_comes_soon(run: Runs, script: str, asked: list[Any]) -> None:
    api = Api()
    assert run(script, api) == SCRIPTS[script][1]
    assert api.asked == asked


def test_a_server_that_does_not_take_them_along_is_told_by_a_request_of_its_own(run: Runs) -> None:
    api = Api(takes=False)
    assert run("short", api) == 0
    assert api.asked == ["run", "xcom", ("state", FIELDS), ("rtif", FIELDS)]


@pytest.mark.parametrize("status", [404, 410])
def test_an_attempt_goes_on_when_its_fields_are_refused(run: Runs, status: int) -> None:
    api = Api(of_fields=status)
    assert run("long", api) == 0
    assert api.asked == ["run", ("rtif", FIELDS), "state"]


@pytest.mark.parametrize("fields", [{"n": float("nan")}, {"n": {1}}, {"n": "ü" * 1_000}], ids=["nan", "set", "long"])
def test_what_no_header_can_hold_is_not_packed(fields: dict[str, Any]) -> None:
    assert piggyback.packed(fields) is None


@pytest.mark.parametrize("header", [b"", b"{", b"[1]", b"null", b"\xff"])
def test_a_header_that_holds_no_fields_is_passed_over(header: bytes) -> None:
    assert piggyback.unpacked(header) is None
