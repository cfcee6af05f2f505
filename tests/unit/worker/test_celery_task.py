"""A full disk costs an attempt its log and nothing else. What keeps one from beginning is not taken for its end."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import pytest
from airflow.executors.workloads import BundleInfo, ExecuteTask
from airflow.executors.workloads.task import TaskInstanceDTO
from celery import Celery
from celery.exceptions import Ignore, WorkerLostError

from airfleet.backoff import Backoff
from airfleet.drill.waiting import wait_until
from airfleet.worker import celery_task
from airfleet.worker.api_client import FleetClient
from airfleet.worker.celery_task import Rests, Start
from airfleet.worker.result_backend import NotBegun, begun_mark, had_begun

FULL, BROKEN = OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "Input/output error")


def raising(error: OSError) -> Any:
    def raises(*_: object, **__: object) -> NoReturn:
        raise error

    return raises


def workload(log_path: str | None = "dag_id=a/attempt=1.log") -> Any:
    return SimpleNamespace(log_path=log_path, display_name="an attempt")


def test_an_attempt_whose_log_cannot_be_begun_on_a_full_disk_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_task, "init_log_file", raising(FULL))
    assert celery_task._log_path(workload()) is None
    monkeypatch.setattr(celery_task, "init_log_file", raising(BROKEN))
    with pytest.raises(OSError, match="Input/output"):
        celery_task._log_path(workload())


def test_where_there_is_room_the_log_is_where_the_message_says(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(celery_task, "init_log_file", made.append)
    assert celery_task._log_path(workload()) == "dag_id=a/attempt=1.log"
    assert celery_task._log_path(workload(None)) is None
    assert made == ["dag_id=a/attempt=1.log"]


def test_a_log_that_cannot_be_closed_on_a_full_disk_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = ExecuteTask.model_construct(ti=SimpleNamespace(id="an attempt"))  # type: ignore[arg-type]
    monkeypatch.setattr(celery_task, "_supervise", raising(FULL))
    with pytest.raises(Ignore):
        celery_task._run(attempt, to_stdout=False, start=Start())
    monkeypatch.setattr(celery_task, "_supervise", raising(BROKEN))
    with pytest.raises(OSError, match="Input/output"):
        celery_task._run(attempt, to_stdout=False, start=Start())


def message() -> str:
    """A task as it comes to a worker."""
    ti = TaskInstanceDTO(
        id=uuid4(), dag_version_id=uuid4(), task_id="t", dag_id="d", run_id="r", try_number=1, map_index=-1,
        pool_slots=1, queue="default", priority_weight=1, external_executor_id=str(uuid4()),
    )  # fmt: skip
    return ExecuteTask(
        ti=ti, dag_rel_path=Path("d.py"), token="", bundle_info=BundleInfo(name="b"), log_path="a.log"
    ).model_dump_json()


def beginning(*answers: int, error: Exception) -> Any:
    """Airflow's function that runs an attempt, with an API that gives these answers to the start; it ends badly."""

    def supervises(*, ti: Any, client: FleetClient, **_: object) -> NoReturn:
        for _answer in answers:
            client.task_instances.start(ti.id, 1, datetime.now(tz=UTC))
        raise error

    return supervises


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What the execution API answers to starts, in this order."""
    answers: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        status = answers.pop(0)
        context = {"dag_run": RUN, "max_tries": 1, "should_retry": False, "task_reschedule_count": 0}
        return httpx.Response(status, json=context if status == 200 else {"detail": "no"}, request=request)

    client = FleetClient(["http://api/execution/"], transport=httpx.MockTransport(answer))
    monkeypatch.setattr(celery_task.coordinator, "_client", lambda _server: client)
    monkeypatch.setattr(celery_task, "init_log_file", lambda _: None)
    monkeypatch.setattr(celery_task, "REST_BACKOFF", Backoff(first=0.0, most=0.0))
    monkeypatch.setattr(celery_task, "setproctitle", lambda _: None)
    hooks = len(client.event_hooks["response"])
    yield answers
    assert len(client.event_hooks["response"]) == hooks


RUN = {
    "dag_id": "d", "run_id": "r", "run_type": "manual", "state": "running", "consumed_asset_events": [],
    "run_after": "2026-01-01T00:00:00Z", "logical_date": None, "data_interval_start": None, "data_interval_end": None,
    "start_date": "2026-01-01T00:00:00Z", "end_date": None, "clear_number": 0, "partition_key": None,
    "conf": {},
}  # fmt: skip


@pytest.mark.parametrize("error", [OSError(errno.EROFS, "Read-only"), OSError(errno.EAGAIN, "no process"), KeyError()])
def test_what_goes_wrong_before_the_api_knows_of_the_attempt_says_that_it_has_not_begun(
    api: list[int], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(celery_task, "supervise_task", beginning(error=error))
    with pytest.raises(NotBegun, match=type(error).__name__):
        celery_task.execute(message())
    monkeypatch.setattr(celery_task, "init_log_file", raising(BROKEN))
    with pytest.raises(NotBegun, match="Input/output"):
        celery_task.execute(message())
    with pytest.raises(NotBegun, match="cannot be read") as raised:
        celery_task.execute('{"type": "ExecuteTask", "token": "secret"}')
    assert "secret" not in str(raised.value)
    assert "secret" not in str(raised.value.__cause__)


def test_a_token_that_is_refused_says_so_too(api: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    api.append(403)
    monkeypatch.setattr(celery_task, "supervise_task", beginning(403, error=RuntimeError("not reached")))
    with pytest.raises(NotBegun, match="ServerResponseError"):
        celery_task.execute(message())


def test_what_goes_wrong_later_is_the_attempts_own(api: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    api.append(200)
    monkeypatch.setattr(celery_task, "supervise_task", beginning(200, error=OSError(errno.EIO, "later")))
    with pytest.raises(OSError, match="later"):
        celery_task.execute(message())


def test_a_message_that_is_not_wanted_any_more_is_no_failure(api: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    api.append(409)
    monkeypatch.setattr(celery_task, "supervise_task", beginning(409, error=RuntimeError("not reached")))
    with pytest.raises(Ignore):
        celery_task.execute(message())


def test_a_slot_that_can_begin_nothing_rests_longer_each_time() -> None:
    rests = Rests()
    assert [rests.seconds() for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_of_a_callback_it_is_told_that_a_worker_has_begun_with_it_and_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_task, "CALLBACK_BEAT_SECONDS", 0.01)
    app = Celery(set_as_current=False, result_backend="cache+memory://")

    def told() -> Any:
        return app.backend.get_task_meta(begun_mark("id"))

    def runs() -> int:
        with celery_task._saying_that_it_runs():
            assert (told()["status"], told()["result"]) == ("STARTED", 0)
            wait_until(lambda: told()["result"] > 1, 10, "it says twice that it lives")
        return int(told()["result"])

    last = app.task(name="runs")(runs).apply(task_id="id", throw=True).get()
    assert told()["result"] == last  # nobody goes on to say so
    with celery_task._saying_that_it_runs():
        pass  # without a message: for nobody


def test_that_an_attempt_had_not_begun_outlives_being_written_as_json() -> None:
    app = Celery(set_as_current=False, result_backend="cache+memory://")
    for error, begun in ((NotBegun("OSError: [Errno 30]"), False), (WorkerLostError("9"), False), (OSError(5), True)):
        app.backend.store_result("id", error, "FAILURE")
        assert had_begun(app.AsyncResult("id").result) is begun
