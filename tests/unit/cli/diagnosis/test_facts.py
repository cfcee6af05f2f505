"""The end of a task's log, with its exception and the frames of the user's code."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.facts import Log
from support.fake_airflow import FakeAirflow, dag, run, task


def message(event: str, **more: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-31T06:00:01.5Z", "event": event, "level": "info", **more}


LOG = [
    {"event": "::group::Log message source details", "sources": ["/logs/1.log"]},
    {"event": "/logs/attempt=1.log"},
    {"event": "::endgroup::"},
    message("Filling up the DagBag from /shop/pipelines/orders.yaml"),
    message("reading in.csv\nof today"),
    message(
        "Task failed with exception",
        level="error",
        error_detail=[
            {
                "exc_type": "ModuleNotFoundError",
                "exc_value": "No module named 'pandas'",
                "frames": [
                    {"filename": "/venv/site-packages/airflow/x.py", "lineno": 1, "name": "run"},
                    {"filename": "/shop/shop/steps.py", "lineno": 12, "name": "load"},
                ],
            }
        ],
    ),
    message("::group::Post Execute"),
]


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


@pytest.fixture
def failed(airflow: FakeAirflow) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    airflow.tasks = {"orders": {"extract": ["load"], "load": []}}
    airflow.runs = [
        run("orders", "old", "success", run_after="2026-01-01T00:00:00Z", duration=2.0, end_date="x"),
        run("orders", state="failed", duration=4.0, end_date="2026-01-31T06:00:04Z"),
    ]
    airflow.instances = [
        task("orders", "load", "upstream_failed"),
        task("orders", "extract", "failed", duration=3.0, end_date="2026-01-31T06:00:03Z"),
    ]
    airflow.logs = {"extract": LOG}
    return airflow
