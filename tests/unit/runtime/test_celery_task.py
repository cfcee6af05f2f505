"""A full disk costs an attempt its log and nothing else; every other error of the disk is one."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from airflow.executors.workloads import ExecuteTask
from celery.exceptions import Ignore

from airfleet.runtime import celery_task

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
        celery_task._run(attempt, to_stdout=False)
    monkeypatch.setattr(celery_task, "_supervise", raising(BROKEN))
    with pytest.raises(OSError, match="Input/output"):
        celery_task._run(attempt, to_stdout=False)
