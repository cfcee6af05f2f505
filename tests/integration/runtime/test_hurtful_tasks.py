"""What tasks return, print and die of hurts nobody else, and who is to be called is called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from support.acting import Acting

DAGS = """
import ctypes, datetime as dt, os, signal
from pathlib import Path
from airflow.sdk import DAG, task

CALLS = Path({calls!r})

def tell(kind):
    def told(context):
        with CALLS.open("a") as file:
            file.write(f"{{kind}} {{context['ti'].task_id}} {{context['ti'].try_number}}\\n")
    return told

ENDS = {{
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda: os._exit(3),
    "crashes": lambda: ctypes.string_at(0),
    "raises": lambda: [][1],
}}

with DAG("dying", schedule=None, default_args=dict(
    on_failure_callback=tell("failure"), on_retry_callback=tell("retry"), retry_delay=dt.timedelta(0)
)):
    for name, end in ENDS.items():
        task(task_id=name)(end)()
    task(task_id="killed_twice", retries=1)(ENDS["killed"])()

def itself():
    found = []
    found.append(found)
    return found

def deep():
    found = []
    for _ in range(100_000):
        found = [found]
    return found

def pushes(size):
    def push(ti=None):
        ti.xcom_push("pushed", "x" * size)
    return push

VALUES = {{
    "huge": lambda: "x" * 70_000_000,
    "pushes_huge": pushes(70_000_000),
    "large": lambda: "x" * 40_000_000,
    "pushes_large": pushes(40_000_000),
    "nan": lambda: float("nan"),
    "nul": lambda: "a\\0b",
    "surrogate": lambda: "\\ud800",
    "itself": itself,
    "deep": deep,
    "object": lambda: object(),
    "prints": lambda: print("y" * 30_000_000),
    "fine": lambda: "z" * 1_000_000,
}}

with DAG("giving", schedule=None):
    for name, give in VALUES.items():
        task(task_id=name)(give)()
"""


@pytest.fixture(scope="module")
def calls(acting: Acting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("calls") / "calls"
    path.touch()
    acting.fleet.write("pipelines/hurtful.py", DAGS.format(calls=str(path)))
    for dag in ("dying", "giving"):
        acting.fleet.wait_for_dag(dag)
    yield path
    acting.fleet.write("pipelines/hurtful.py", "")


def test_callbacks_of_a_task_whose_process_was_killed_are_called(acting: Acting, calls: Path) -> None:
    assert acting.fleet.wait_for_run("dying", acting.fleet.trigger("dying", {})) == "failed"
    expected = {
        "failure killed 1", "failure exits 1", "failure crashes 1", "failure raises 1",
        "retry killed_twice 1", "failure killed_twice 2",
    }  # fmt: skip
    wait_until(lambda: expected <= set(calls.read_text().splitlines()), 60, "all were called")
    assert sorted(calls.read_text().splitlines()) == sorted(expected)


@pytest.fixture(scope="module")
def given(acting: Acting, calls: Path) -> dict[str, tuple[str, str]]:
    """Of each task that gives something its state and its log."""
    fleet = acting.fleet
    run = fleet.trigger("giving", {})
    fleet.wait_for_run("giving", run)
    found: dict[str, tuple[str, str]] = {}
    for one in fleet.api.get("dags", "giving", "dagRuns", run, "taskInstances")["task_instances"]:
        way = ("dags", "giving", "dagRuns", run, "taskInstances", one["task_id"], "logs", 1)
        log: Any = fleet.api.get(*way)["content"]
        found[one["task_id"]] = one["state"], json.dumps(log)
    return found


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("huge", "What was to be stored has 70 MB; the limit is 67 MB ([airfleet] max_message_bytes)."),
        ("pushes_huge", "What was to be stored has 70 MB; the limit is 67 MB ([airfleet] max_message_bytes)."),
        ("nan", "Error"),
        ("nul", "Error"),
        ("surrogate", "surrogates not allowed"),
        ("itself", "Error"),
        ("deep", "RecursionError"),
        ("object", "serializ"),
    ],
)
def test_a_value_that_cannot_be_stored_fails_its_task_alone(
    task: str, why: str, given: dict[str, tuple[str, str]]
) -> None:
    state, log = given[task]
    assert state == "failed"
    assert why in log


def test_a_line_without_end_is_cut(given: dict[str, tuple[str, str]]) -> None:
    state, log = given["prints"]
    assert state == "success"
    assert "yyy... (a line of 30 MB was cut here)" in log
    assert len(log) < 2_000_000


def test_the_other_tasks_go_on_and_no_component_has_died(acting: Acting, given: dict[str, tuple[str, str]]) -> None:
    assert [given[name][0] for name in ("fine", "large", "pushes_large")] == ["success"] * 3
    assert [acting.fleet.component(name).restarts for name in ("worker", "api-server", "scheduler")] == [0, 0, 0]
