"""A monitor and its attempt while the API server is away: nobody is ended, nothing is lost, and logs go on."""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
import structlog
from airflow.executors.workloads import BundleInfo
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.sdk.execution_time import supervisor
from airflow.sdk.execution_time.comms import GetVariable, SucceedTask, _RequestFrame, _ResponseFrame

from airfleet.backoff import Backoff
from airfleet.task_process import ipc
from airfleet.worker import api_client, attempt_monitor
from airfleet.worker.api_client import FleetClient
from support.served import attempts_served
from support.toy_api import Answer, ToyApi, toy_api
from unit.worker.test_coordinator import CONTEXT

SECONDS = 20.0


class Attempt:
    """The attempt's side: what it says to its monitor."""

    def __init__(self, attempt: ipc.Attempt) -> None:
        _, requests, self._stdout, *_ = attempt.descriptors
        self._requests = socket.socket(fileno=requests)
        self.answer()  # what to run

    def ask(self, message: Any) -> None:
        self._requests.sendall(_RequestFrame(id=1, body=message.model_dump()).as_bytes())

    def answer(self) -> _ResponseFrame:
        size = int.from_bytes(self._read(4), "big")
        return msgspec.msgpack.decode(self._read(size), type=_ResponseFrame)

    def say(self, words: str) -> None:
        os.write(self._stdout, f"{words}\n".encode())

    def _read(self, size: int) -> bytes:
        return self._requests.recv(size, socket.MSG_WAITALL)


def asks_and_talks(attempt: Attempt, _: str) -> int:
    attempt.ask(GetVariable(key="wanted"))
    attempt.say("meanwhile")
    body = attempt.answer().body
    return 0 if body is not None and body["value"] == "found" else 3


def lives_until(attempt: Attempt, path: str) -> int:
    while not os.path.exists(path):
        time.sleep(0.02)
    return 0


def never_ends(attempt: Attempt, path: str) -> int:
    Path(path).touch()
    while True:
        time.sleep(SECONDS)


def succeeds(attempt: Attempt, _: str) -> int:
    attempt.ask(SucceedTask(end_date="2026-01-01T00:00:00Z"))
    return 0 if attempt.answer().error is None else 3


ACTS: dict[str, Callable[[Attempt, str], int]] = {
    act.__name__: act for act in (asks_and_talks, lives_until, never_ends, succeeds)
}  # fmt: skip


def act(attempt: ipc.Attempt, _: object) -> NoReturn:
    name, _, argument = attempt.file.path.partition(":")
    try:
        code = ACTS[name](Attempt(attempt), argument)
    except BaseException:
        code = 99
    os._exit(code)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(api_client, "ROUND_BACKOFF", Backoff(first=0.05, most=0.05))
    for module in (supervisor, attempt_monitor):
        monkeypatch.setattr(module, "MIN_HEARTBEAT_INTERVAL", 0.05)
    with attempts_served(act):
        yield


class Said(list[str]):
    """A task's log."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = structlog.wrap_logger(
            structlog.PrintLogger(), processors=[self._keep], wrapper_class=structlog.BoundLogger
        )

    def _keep(self, _: object, __: str, event: Any) -> NoReturn:
        self.append(event["event"])
        raise structlog.DropEvent


def run(api: ToyApi, way: str, said: Said) -> attempt_monitor.AttemptMonitor:
    """An attempt to its end."""
    api.bodies["run"] = CONTEXT
    ti = TaskInstanceDTO(
        id=uuid.uuid4(), dag_id="dag", task_id="task", run_id="run", try_number=1, map_index=-1, pool_slots=1,
        queue="default", priority_weight=1, dag_version_id=uuid.uuid4(),
    )  # fmt: skip
    bundle = BundleInfo(name="pipelines", version=None)
    client = FleetClient([api.url], patience_seconds=SECONDS)
    monitor = attempt_monitor.AttemptMonitor.start_in_pool(
        what=ti, dag_rel_path=way, bundle_info=bundle, client=client, logger=said.logger
    )
    monitor.wait()
    return monitor


def last(path: str) -> str:
    return path.rpartition("/")[2]


def test_a_request_waits_until_it_is_answered_and_logs_arrive_meanwhile(served: None) -> None:
    said = Said()

    def away_until_the_log_is_there(_: str, path: str) -> Answer:
        return 503 if last(path) == "wanted" and "meanwhile" not in said else 200

    with toy_api(away_until_the_log_is_there) as api:
        api.bodies["wanted"] = {"key": "wanted", "value": "found"}
        assert run(api, "asks_and_talks", said)._exit_code == 0


def test_heartbeats_that_fail_end_nobody(served: None, tmp_path: Path) -> None:
    beats: list[float] = []
    count = 4 * supervisor.MAX_FAILED_HEARTBEATS

    def away_for_long(_: str, path: str) -> Answer:
        if last(path) != "heartbeat":
            return 200
        beats.append(time.monotonic())
        if len(beats) > count:
            (tmp_path / "end").touch()
        return 503 if len(beats) <= count else 204

    said = Said()
    with toy_api(away_for_long) as api:
        monitor = run(api, f"lives_until:{tmp_path / 'end'}", said)
    assert monitor._exit_code == 0
    assert len(beats) > count
    assert said.count("The API server cannot be reached; the task goes on") >= 1
    assert said.count("The API server can be reached again") >= 1


def test_heartbeats_go_on_while_a_request_waits(served: None) -> None:
    beats: list[str] = []

    def answers_heartbeats(_: str, path: str) -> Answer:
        if last(path) == "heartbeat":
            beats.append(path)
            return 204
        return 503 if last(path) == "wanted" and len(beats) < 5 else 200

    with toy_api(answers_heartbeats) as api:
        api.bodies["wanted"] = {"key": "wanted", "value": "found"}
        assert run(api, "asks_and_talks", Said())._exit_code == 0


def test_an_attempt_that_nobody_can_be_told_of_ends_when_patience_does(
    served: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(attempt_monitor, "patience_seconds", lambda: 0.5)
    lives, refused = tmp_path / "lives", []

    def away_once_it_lives(_: str, path: str) -> Answer:
        # Before that it might still have the signals of whoever forked it.
        if last(path) != "heartbeat":
            return 200
        if not lives.exists():
            return 204
        refused.append(time.monotonic())
        return 503

    with toy_api(away_once_it_lives) as api:
        monitor = run(api, f"never_ends:{lives}", Said())
    assert monitor._exit_code == -signal.SIGTERM
    assert len(refused) > 1
    assert not monitor.has_reported()  # the scheduler hears of it by the worker's result, and has its callbacks called


def test_an_outcome_waits_for_the_api_and_what_follows_has_its_time(served: None) -> None:
    tries: list[str] = []

    def away_at_the_end(_: str, path: str) -> Answer:
        if last(path) == "heartbeat":
            return 409 if tries else 204  # whoever has ended wants no more of them
        if last(path) == "state":
            tries.append(path)
        return 503 if last(path) == "state" and len(tries) < 20 else 200

    with toy_api(away_at_the_end) as api:
        began = time.monotonic()
        monitor = run(api, "succeeds", Said())
        ended = monitor._task_end_time_monotonic
    assert (monitor._exit_code, monitor.final_state, monitor.has_reported()) == (0, "success", True)
    assert len(tries) == 20
    assert ended is not None
    assert ended - began > 0.5


def test_a_start_waits_for_the_api_and_no_heartbeat_is_sent_before(served: None, tmp_path: Path) -> None:
    (tmp_path / "end").touch()
    asked: list[str] = []

    def away_at_the_start(_: str, path: str) -> Answer:
        asked.append(last(path))
        return 503 if asked.count("run") < 20 else 200

    with toy_api(away_at_the_start) as api:
        assert run(api, f"lives_until:{tmp_path / 'end'}", Said())._exit_code == 0
    assert asked[:20] == ["run"] * 20


def test_nobody_spins_while_the_last_heartbeat_is_old(served: None, tmp_path: Path) -> None:
    """Airflow's loop would wait for nothing any more from the moment on at which its timeout is near."""
    beats: list[str] = []

    def away(_: str, path: str) -> Answer:
        if last(path) == "heartbeat":
            beats.append(path)
            if len(beats) == 10:
                (tmp_path / "end").touch()
            return 503
        return 200

    turns: list[float] = []
    service = attempt_monitor.AttemptMonitor._service_subprocess

    class Counted(attempt_monitor.AttemptMonitor):
        def _service_subprocess(self, max_wait_time: float, *rest: Any, **named: Any) -> Any:
            self._last_successful_heartbeat = time.monotonic() - 10_000
            turns.append(max_wait_time)
            return service(self, max_wait_time, *rest, **named)

    with toy_api(away) as api, pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempt_monitor, "AttemptMonitor", Counted)
        patch.setattr(attempt_monitor, "patience_seconds", lambda: 1e9)
        assert run(api, f"lives_until:{tmp_path / 'end'}", Said())._exit_code == 0
    assert len(turns) < 5 * len(beats)
