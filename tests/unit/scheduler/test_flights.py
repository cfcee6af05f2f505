"""What becomes of a workload that was sent, by what the result backend says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.executors.workloads import BundleInfo, ExecuteCallback
from airflow.executors.workloads.callback import CallbackDTO, CallbackFetchMethod
from celery.exceptions import WorkerLostError

from airfleet.scheduler.flights import (
    LOST_TOO_OFTEN,
    MOST_CALLBACK_LOSSES,
    MOST_SILENT_LOOKS,
    MOST_UNBEGUN,
    SILENT_WORKER,
    Flight,
    Judgement,
    Verdict,
    judge,
)
from airfleet.worker.result_backend import NotBegun, ReleaseAway

OWN, LOST, UNBEGUN = RuntimeError("exit code -9"), WorkerLostError("signal 9"), NotBegun("no room")
AWAY = ReleaseAway("not here")
QUEUED = Flight("id", uuid4(), 0.0)
RUNNING = replace(QUEUED, state="running")
CLEARED = replace(QUEUED, state="restarting", restarting=True)
CALLBACK = Flight(
    "id", None, 0.0,
    callback=(
        ExecuteCallback(
            callback=CallbackDTO(id=str(uuid4()), fetch_method=CallbackFetchMethod.IMPORT_PATH, data={}),
            dag_rel_path=Path("d.py"), token="", bundle_info=BundleInfo(name="pipelines"), log_path=None,
        ),
        "default",
    ),
)  # fmt: skip


def verdict(flight: Flight, state: str | None, failure: Any = None) -> Verdict:
    return judge(flight, state, None, failure).verdict


@pytest.mark.parametrize("state", [None, "PENDING", "STARTED", "RETRY"])
@pytest.mark.parametrize("flight", [QUEUED, RUNNING, CLEARED, CALLBACK], ids=["queued", "running", "cleared", "call"])
def test_a_flight_of_which_no_end_is_told_goes_on(flight: Flight, state: str | None) -> None:
    assert verdict(flight, state) is Verdict.GOES_ON


@pytest.mark.parametrize(
    ("flight", "failure", "found"),
    [
        (QUEUED, OWN, Verdict.BEGINS_AGAIN),
        (QUEUED, LOST, Verdict.BEGINS_AGAIN),
        (QUEUED, UNBEGUN, Verdict.BEGINS_AGAIN),
        (replace(QUEUED, unbegun=MOST_UNBEGUN), UNBEGUN, Verdict.ENDED),
        (replace(QUEUED, unbegun=MOST_UNBEGUN), AWAY, Verdict.BEGINS_AGAIN),
        (RUNNING, OWN, Verdict.ENDED),
        (RUNNING, AWAY, Verdict.GOES_ON),
        (RUNNING, LOST, Verdict.GOES_ON),
        (RUNNING, UNBEGUN, Verdict.GOES_ON),
        (CALLBACK, OWN, Verdict.ENDED),
        (CALLBACK, LOST, Verdict.BEGINS_AGAIN),
        (replace(CALLBACK, unbegun=MOST_CALLBACK_LOSSES), AWAY, Verdict.BEGINS_AGAIN),
        (replace(CALLBACK, unbegun=MOST_CALLBACK_LOSSES), LOST, Verdict.ENDED),
    ],
)
def test_a_failure_is_believed_of_the_attempt_that_it_is_of(flight: Flight, failure: Exception, found: Verdict) -> None:
    assert verdict(flight, "FAILURE", failure) is found


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE"])
def test_of_a_cleared_task_any_end_is_success(state: str) -> None:
    assert judge(CLEARED, state, "info", OWN) == Judgement(Verdict.ENDED, "SUCCESS", "info")


@pytest.mark.parametrize(("losses", "why"), [(0, SILENT_WORKER), (MOST_CALLBACK_LOSSES, LOST_TOO_OFTEN)])
def test_a_callback_whose_worker_is_silent_begins_again_and_not_for_ever(losses: int, why: str) -> None:
    silent = replace(CALLBACK, unbegun=losses)
    silent.hear(3)
    for _ in range(MOST_SILENT_LOOKS):
        assert verdict(silent, None) is Verdict.GOES_ON
        silent.hear(3)
    found = judge(silent, None, None)
    assert found.info == why
    assert found.verdict is (Verdict.ENDED if losses else Verdict.BEGINS_AGAIN)
    silent.hear(4)
    assert verdict(silent, None) is Verdict.GOES_ON


def test_a_requeue_waits_longer_each_time() -> None:
    pauses = [replace(QUEUED, unbegun=times).backoff_seconds() for times in range(1, 9)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
