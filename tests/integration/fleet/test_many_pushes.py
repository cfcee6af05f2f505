"""Fifty pushes while runs come and go: each attempt has the code and the packages of its run's release.

The witness is a ledger outside of Airflow. Every attempt writes the folder that its module was imported from, the
edition of that module, and the version of a library that the release brought; each push changes both.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from faultlab.systems.hosts_under_test import HostsUnderTest
from support.wheels import make_wheel

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PUSHES = 50
#: runs that are under way at a time
AT_ONCE = 6
SECONDS = 180.0
LIBRARIES = ("1.0", "2.0")
STEPS = '''"""Edition {edition}."""
import json, os, pathlib, time

import toylibrary

def write(run_id, ti):
    tree = pathlib.Path(__file__).parent.parent.name
    line = [run_id, ti.task_id, ti.map_index, ti.try_number, tree, {edition}, toylibrary.VERSION, time.time()]
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(json.dumps(line) + "\\n")
    time.sleep(0.5)

def item(n, run_id, ti):
    write(run_id, ti)

def again(run_id, ti):
    write(run_id, ti)
    if ti.try_number == 1:
        raise ValueError("once")
'''
PIPELINE = """\
dag_id: load
schedule: null
max_active_runs: 50
tasks:
  - {id: first, uses: "shop.steps:write"}
  - {id: items, uses: "shop.steps:item", needs: [first], expand: {n: [1, 2]}}
  - {id: again, uses: "shop.steps:again", needs: [first], retries: 1, retry_delay: 1s}
  - {id: last, uses: "shop.steps:write", needs: [items, again]}
"""
#: task, map index and try of each attempt that a run must have, each once
ATTEMPTS = [("again", -1, 1), ("again", -1, 2), ("first", -1, 1), ("items", 0, 1), ("items", 1, 1), ("last", -1, 1)]


@dataclass(frozen=True)
class Line:
    """One attempt, as it wrote itself down."""

    run_id: str
    task_id: str
    map_index: int
    try_number: int
    tree: str
    edition: int
    library: str
    at: float


@dataclass(frozen=True)
class Shop:
    """The fleet, and its ledger."""

    fleet: HostsUnderTest
    ledger: Path
    #: the fleet for commands that know the wheels
    pushing: FleetUnderTest

    def push(self, edition: int) -> str:
        """Push an edition with its library; return the digest."""
        self.fleet.write("shop/steps.py", STEPS.format(edition=edition))
        self.fleet.write("requirements.txt", f"toylibrary=={library(edition)}\n")
        done = self.pushing.airfleet("push", "--vendor", "-m", f"edition {edition}", "-o", "json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return str(json.loads(done.stdout)["digest"])

    def written(self) -> list[Line]:
        """Read the ledger."""
        return [Line(*json.loads(line)) for line in self.ledger.read_text().splitlines()]

    def runs(self) -> dict[str, dict[str, Any]]:
        """Give all runs by their ids, as the API has them."""
        return {run["dag_run_id"]: run for run in self.fleet.api.every("dag_runs", "dags", "load", "dagRuns")}


class Load:
    """Runs that are triggered, so many at a time, until it is told to end."""

    def __init__(self, fleet: HostsUnderTest) -> None:
        self._fleet = fleet
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self.error: Exception | None = None
        self.triggered: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ends.set()
        self._thread.join(60)

    def _go(self) -> None:
        try:
            while not self._ends.wait(0.2):
                if self._under_way() < AT_ONCE:
                    self.triggered.append(self._fleet.trigger("load"))
        except Exception as error:
            self.error = error

    def _under_way(self) -> int:
        found = self._fleet.api.get("dags", "load", "dagRuns", state=["queued", "running"], limit=1)
        return int(found["total_entries"])


def library(edition: int) -> str:
    return LIBRARIES[edition % len(LIBRARIES)]


@pytest.fixture(params=[1, 3])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    wheels, ledger = tmp_path / "wheels", tmp_path / "ledger"
    ledger.touch()
    for version in LIBRARIES:
        make_wheel(wheels, "toylibrary", version, {"toylibrary.py": f"VERSION = '{version}'\n"})
    files = {"shop/__init__.py": "", "pipelines/load.yaml": PIPELINE}
    settings = f"name: shop\nworkers: [{{name: worker, slots: 4}}]\nenv: {{LEDGER: {ledger}}}\nreleases: {{keep: 60}}\n"
    apart = request.param > 1 and os.geteuid() == 0
    with HostsUnderTest.of(settings, request.param, files, netns=apart) as fleet:
        fleet.write("shop/steps.py", STEPS.format(edition=0))
        fleet.start()
        pushing = fleet.on(fleet.names[0]).with_environment(UV_FIND_LINKS=str(wheels))
        yield Shop(fleet, ledger, pushing)


def test_every_attempt_under_fifty_pushes_runs_the_release_of_its_run(shop: Shop) -> None:
    editions = {shop.push(0): 0}
    shop.fleet.wait_for_dag("load")
    with Load(shop.fleet) as load:
        for edition in range(1, PUSHES + 1):
            editions[shop.push(edition)] = edition
    assert load.error is None
    wait_until(lambda: _ended(shop) >= len(load.triggered), SECONDS, "all runs are over", 0.5)

    runs, lines = shop.runs(), shop.written()
    assert {run["state"] for run in runs.values()} == {"success"}
    assert len(editions) == PUSHES + 1
    for line in lines:
        edition = editions[line.tree]
        assert (line.edition, line.library) == (edition, library(edition)), line
        assert line.tree == runs[line.run_id]["bundle_version"], line
    by_run = {run_id: sorted(_attempt(line) for line in lines if line.run_id == run_id) for run_id in runs}
    assert by_run == dict.fromkeys(runs, ATTEMPTS)
    # The load met the pushes: most releases had runs, and many runs saw another release go live.
    assert len({line.tree for line in lines}) > PUSHES // 2
    assert sum(_saw_another(run_id, lines, editions) for run_id in runs) > PUSHES // 2


def _ended(shop: Shop) -> int:
    return sum(run["state"] in ("success", "failed") for run in shop.runs().values())


def _attempt(line: Line) -> tuple[str, int, int]:
    return line.task_id, line.map_index, line.try_number


def _saw_another(run_id: str, lines: list[Line], editions: dict[str, int]) -> bool:
    """Tell whether attempts of a newer release began before the last one of this run."""
    mine = [line for line in lines if line.run_id == run_id]
    last = max(line.at for line in mine)
    return any(editions[line.tree] > editions[mine[0].tree] and line.at < last for line in lines)
