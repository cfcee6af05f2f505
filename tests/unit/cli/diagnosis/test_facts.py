"""The end of a task's log, with its exception and the frames of the user's code."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.facts import Log
from support.fake_airflow import dag, run, task
from support.task_logs import LOG


def test_the_end_of_a_structured_log() -> None:
    assert evidence.read_log(LOG) == Log(
        ("06:00:01 reading in.csv", "06:00:01 of today", "06:00:01 ERROR Task failed with exception"),
        "ModuleNotFoundError: No module named 'pandas'",
        ("/shop/shop/steps.py:12 in load",),
    )


def test_a_task_that_exits_says_its_code() -> None:
    entry = {"timestamp": "2026-11-25T21:38:46.25Z", "level": "error", "event": "Task exited", "exit_code": 2}
    assert evidence.read_log([entry]) == Log(("21:38:46 ERROR Task exited with code 2",))


def test_the_end_of_a_log_of_plain_lines() -> None:
    assert evidence.read_log(["one\ntwo", "three"]) == Log(("one", "two", "three"))


QUEUED, RUNNING = task("orders", "load", "queued"), task("orders", "load", "running")
OURS = {"bundle_name": "pipelines"}


@pytest.mark.parametrize(
    ("of_the_dag", "of_the_run", "instance", "asked"),
    [
        (OURS, {"bundle_version": "3f2a9c"}, QUEUED, ["3f2a9c"]),
        (OURS, {"bundle_version": "3f2a9c"}, RUNNING, []),
        (OURS, {"bundle_version": "3f2a9c", "state": "failed"}, QUEUED, []),
        (OURS, {"bundle_version": None}, QUEUED, []),
        ({"bundle_name": "a git repository"}, {"bundle_version": "3f2a9c"}, QUEUED, []),
    ],
)
def test_the_release_of_a_run_is_looked_for_where_a_worker_may_lack_it(
    of_the_dag: dict[str, Any], of_the_run: dict[str, Any], instance: dict[str, Any], asked: list[str]
) -> None:
    found: list[str] = []
    evidence._release(dag("orders", **of_the_dag), run("orders", **of_the_run), [instance], found.append)  # type: ignore[arg-type,func-returns-value]
    assert found == asked
