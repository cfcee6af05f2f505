"""The monitor of an attempt that the pool has forked: what it learns of its end, and what it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import json
import multiprocessing
import os
import signal
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
import structlog
from airflow.executors.workloads import BundleInfo
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.sdk.api.client import Client
from airflow.sdk.execution_time.supervisor import process_log_messages_from_subprocess
from airflow.sdk.log import logging_processors

from airfleet.spool import api_endpoints
from airfleet.system import disk_full_logging
from airfleet.task_process import ipc
from airfleet.task_process.children import Descriptor, open_descriptors
from airfleet.worker import attempt_monitor, coordinator
from support.served import attempts_served

CONTEXT = {
    "dag_run": {
        "dag_id": "dag",
        "run_id": "run",
        "logical_date": None,
        "data_interval_start": None,
        "data_interval_end": None,
        "start_date": "2026-01-01T00:00:00Z",
        "end_date": None,
        "run_after": "2026-01-01T00:00:00Z",
        "run_type": "manual",
        "state": "running",
        "conf": {},
        "partition_key": None,
        "note": None,
        "consumed_asset_events": [],
    },
    "max_tries": 0,
    "should_retry": False,
}


def ends_as_told(attempt: ipc.Attempt, _: object) -> NoReturn:
    """An attempt that reads what its monitor says first, and ends in the way that its file is named for."""
    requests = socket.socket(fileno=attempt.descriptors[1])
    requests.recv(4)
    if attempt.file.path == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(int(attempt.file.path))


@pytest.fixture
def served() -> Iterator[None]:
    with attempts_served(ends_as_told):
        yield


def api(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=CONTEXT if request.url.path.endswith("/run") else {})


def run(way: str) -> attempt_monitor.AttemptMonitor:
    ti = TaskInstanceDTO(
        id=uuid.uuid4(),
        dag_id="dag",
        task_id="task",
        run_id="run",
        try_number=1,
        map_index=-1,
        pool_slots=1,
        queue="default",
        priority_weight=1,
        dag_version_id=uuid.uuid4(),
    )
    client: Any = Client(base_url=None, dry_run=True, token="", transport=httpx.MockTransport(api))
    bundle = BundleInfo(name="pipelines", version=None)
    monitor = attempt_monitor.AttemptMonitor.start_in_pool(what=ti, dag_rel_path=way, bundle_info=bundle, client=client)
    monitor.wait()
    return monitor


@pytest.mark.parametrize(
    ("way", "exit_code", "state", "reported"),
    [
        ("0", 0, "success", False),
        ("3", 3, "failed", False),
        ("killed", -signal.SIGKILL, "failed", False),
    ],
)
def test_the_exit_code_is_told(served: None, way: str, exit_code: int, state: str, reported: bool) -> None:
    monitor = run(way)
    assert (monitor._exit_code, monitor.final_state, monitor.has_reported()) == (exit_code, state, reported)


def left_open_by_many_attempts() -> frozenset[Descriptor]:
    """The descriptors that five attempts leave open in the process of their monitor."""
    run("0")
    gc.collect()
    before = open_descriptors()
    for _ in range(5):
        run("0")
    gc.collect()
    return open_descriptors() - before


def test_a_slot_holds_no_more_descriptors_after_many_attempts(served: None) -> None:
    # In a process of its own: what other tests left running in this one opens and closes connections, too.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as slot:
        assert slot.submit(left_open_by_many_attempts).result() == frozenset()


# --- which API is asked ----------------------------------------------------------------------------------------------

PLANNED, ADDED = "http://127.0.0.1:8080/execution/", "http://127.0.0.1:8081/execution/"


@pytest.mark.parametrize(
    ("given", "written", "asked"),
    [
        (PLANNED, None, (PLANNED,)),
        (PLANNED, f"{PLANNED}\n{ADDED}\n", (PLANNED, ADDED)),
        (PLANNED, f"{ADDED}\n", (ADDED,)),
        (PLANNED, "", (PLANNED,)),
        ("http://elsewhere/execution/", f"{ADDED}\n", ("http://elsewhere/execution/",)),
    ],
)
def test_the_servers_that_the_agent_wrote_down_are_asked(
    given: str, written: str | None, asked: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__AIRFLEET__EXECUTION_API_URLS", PLANNED)
    file = api_endpoints.file_of(tmp_path)
    if written is not None:
        file.write_text(written)
    assert coordinator.addresses(given, file) == asked


def test_only_a_component_of_a_fleet_has_an_agent_that_writes_them_down() -> None:
    assert api_endpoints.file_here({"AIRFLOW_HOME": "/srv"}) is None
    assert api_endpoints.file_here({"AIRFLOW_HOME": "/srv", "AIRFLEET_COMPONENT": "worker"}) == Path(
        "/srv/execution-urls"
    )


# --- a full disk ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bears", [True, False])
def test_no_attempt_fails_because_its_log_has_no_room(bears: bool) -> None:
    line = b'{"event": "a line of the task", "level": "info"}\n'
    with contextlib.suppress(OSError), open("/dev/full", "ab") as file:  # closing it complains, too
        logger = structlog.wrap_logger(structlog.BytesLogger(file), processors=logging_processors(json_output=True))
        reader = process_log_messages_from_subprocess((disk_full_logging.bearing(logger) if bears else logger,))
        next(reader)
        for _ in range(1000):
            if bears:
                reader.send(line)
                continue
            with pytest.raises(OSError, match="No space left"):
                reader.send(line)
            break


# --- what an attempt logs ----------------------------------------------------------------------------

#: a time that was read from a line
READ = "2026-01-02 03:04:05.600000+00:00"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ('"target": "s3://bucket"', {"target_": "s3://bucket"}),
        ('"msg": "hello", "self": 1', {"msg_": "hello", "self_": 1}),
        ('"timestamp": "yesterday"', {"timestamp_": "yesterday"}),
        ('"timestamp": "2026-13-01T00:00:00Z"', {"timestamp_": "2026-13-01T00:00:00Z"}),
        ('"timestamp": 5', {"timestamp_": 5}),
        ('"timestamp": "2026-01-02T03:04:05.6Z", "target": 1', {"timestamp": READ, "target_": 1}),
        ('"other": 7', {"other": 7}),
    ],
)
def test_the_fields_of_a_logged_event_have_any_name(fields: str, shown: dict[str, Any], tmp_path: Path) -> None:
    as_json: list[Any] = [structlog.processors.JSONRenderer(default=str), lambda logger, name, line: line.encode()]
    ours, theirs = zip(*(socket.socketpair() for _ in range(5)), strict=True)
    with contextlib.ExitStack() as ends, (tmp_path / "attempt.log").open("ab") as file:
        for one in (*ours, *theirs):
            ends.enter_context(one)
        process: Any = None
        client: Any = None
        monitor = attempt_monitor.AttemptMonitor(
            id=uuid.uuid4(), pid=0, stdin=ours[4], process=process, client=client,
            process_log=structlog.wrap_logger(structlog.BytesLogger(file), processors=as_json),
        )  # fmt: skip
        ends.callback(monitor.selector.close)
        monitor._register_pipe_readers(*ours[:4], data={})
        for event in (f'"copied", {fields}', '"the next one"'):
            theirs[3].sendall(f'{{"level": "info", "event": {event}}}\n'.encode())
            for key, _ in monitor.selector.select(0):
                assert key.data[0](key.fileobj)
    first, second = map(json.loads, (tmp_path / "attempt.log").read_text().splitlines())
    assert (first["event"], {name: first[name] for name in shown}) == ("copied", shown)
    assert second["event"] == "the next one"


def test_lines_of_an_attempt_are_written_as_ever_where_there_is_room(tmp_path: Path) -> None:
    as_json: list[Any] = [structlog.processors.JSONRenderer(), lambda logger, name, line: line.encode()]
    with (tmp_path / "attempt.log").open("ab") as file:
        plain = structlog.wrap_logger(structlog.BytesLogger(file), processors=as_json)
        disk_full_logging.bearing(plain.bind(ti="x")).info("a line", number=1)
    assert (tmp_path / "attempt.log").read_text() == '{"ti": "x", "number": 1, "event": "a line"}\n'
    assert disk_full_logging.bearing(None) is None
