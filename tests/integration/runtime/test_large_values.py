"""What tasks print, render and return may be large: no other memory grows, and other runs keep their pace."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from airfleet.testing.fleet import FleetUnderTest

DAGS = """
import logging, os, sys
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

def line():
    for _ in range(300):
        sys.stdout.write("y" * 1_000_000)

def lines():
    for number in range(1_000_000):
        print(f"line {number} of many")

def binary():
    for _ in range(100):
        os.write(1, bytes(range(256)) * 100 + b"\\n")

VALUES = {
    "returns": lambda: "x" * 100_000_000, "line": line, "lines": lines, "binary": binary,
    "logs": lambda: logging.getLogger("large").info("z" * 100_000_000),
}
with DAG("large", schedule=None):
    for name, give in VALUES.items():
        task(task_id=name)(give)()
    BashOperator(task_id="renders", bash_command="true", env={"A": "{{ 'x' * 100_000_000 }}"})

with DAG("small", schedule=None):
    task(task_id="t")(lambda: 1)()
"""
#: megabytes that a component may use for itself; a value is a hundred
MOST = 150


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    os.umask(0o022)
    text = "name: large\ntriggerer: false\nworkers: [{name: worker, slots: 8}]\n"
    with FleetUnderTest.make(text, {"pipelines/dags.py": DAGS}) as made:
        made.start()
        made.wait_for_dag("small")
        yield made


class Watch(threading.Thread):
    """Looks at what each process of the fleet uses, but for attempts themselves, until told to stop."""

    def __init__(self, fleet: FleetUnderTest) -> None:
        super().__init__(daemon=True)
        self.fleet, self.stopped, self.most = fleet, threading.Event(), dict[str, int]()

    def run(self) -> None:
        while not self.stopped.wait(0.3):
            for pid in self.fleet.pids():
                with suppress(OSError, StopIteration):
                    title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if not title.startswith(("airflow worker -- ", "/usr/bin/bash")):
                        found = f"{pid} {title[:60]}"
                        self.most[found] = max(self.most.get(found, 0), _megabytes(pid))


def _megabytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


@pytest.mark.long
@pytest.mark.timeout(900)
def test_large_values_cost_nobody_but_their_task(fleet: FleetUnderTest) -> None:
    watch = Watch(fleet)
    watch.start()
    run, took = fleet.trigger("large"), []
    for _ in range(10):
        began = time.monotonic()
        fleet.wait_for_run("small", fleet.trigger("small"))
        took.append(time.monotonic() - began)
    fleet.wait_for_run("large", run, 600)
    tasks = fleet.api.get("dags", "large", "dagRuns", run, "taskInstances")["task_instances"]
    states = {one["task_id"]: one["state"] for one in tasks}
    content = {
        task: fleet.api.get("dags", "large", "dagRuns", run, "taskInstances", task, "logs", 1)["content"]
        for task in states
    }
    watch.stopped.set()
    watch.join()
    assert {task for task, state in states.items() if state == "success"} >= {"line", "lines", "binary", "logs"}
    assert states["returns"] == "failed"
    assert max(map(len, content.values())) < 15_000
    assert sorted(took)[len(took) // 2] < 10, took
    assert {who: used for who, used in watch.most.items() if used > MOST} == {}
    assert not any(one.restarts for one in fleet.snapshot().components)
