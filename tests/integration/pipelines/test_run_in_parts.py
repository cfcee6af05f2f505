"""``airfleet run`` of a part of a pipeline, with mocks and with the debugger: real runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = """
import os
def fetch(): open(os.environ["MARK"], "a").write("fetch "); return [1, 2, 3]
def each(n): raise ValueError("it is mocked")
def total(ns): print("total", sum(ns))
def load(rows): open(os.environ["MARK"], "a").write("load "); return len(rows)
def broken(count):
    wanted = count * 2
    raise ValueError(f"wanted {wanted}")
def stops(count):
    wanted = count * 3
    breakpoint()
    return wanted
"""
PIPELINE = """
dag_id: shop
tasks:
  - {id: fetch, uses: "steps:fetch"}
  - {id: each, uses: "steps:each", expand: {n: {$x: fetch}}}
  - {id: sum, uses: "steps:total", with: {ns: {$x: each}}}
  - {id: load, uses: "steps:load", with: {rows: {$x: fetch}}}
  - {id: stops, uses: "steps:stops", with: {count: {$x: load}}}
  - {id: broken, uses: "steps:broken", with: {count: {$x: stops}}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    (folder / "pipelines").mkdir()
    (folder / "steps.py").write_text(STEPS)
    (folder / "pipelines" / "shop.yaml").write_text(PIPELINE)
    (folder / "rows.json").write_text('["a", "b"]')
    return folder


def run(project: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    (project / "mark").write_text("")
    return subprocess.run(
        [sys.executable, "-m", "airfleet.cli", "run", "pipelines/shop.yaml", *arguments],
        cwd=project,
        input=typed,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(project / "cache"), "MARK": str(project / "mark")},
    )


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {row["task"]: row["state"] for row in json.loads(done.stdout)["tasks"]}


def test_until_leaves_out_what_comes_after(project: Path) -> None:
    done = run(project, "--until", "load", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert "left out, and counted as succeeded: each, sum, stops, broken" in done.stderr
    assert states(done) == {"fetch": "success", "load": "success"}
    assert (project / "mark").read_text() == "fetch load "


def test_a_mock_gives_the_output_of_a_task_that_does_not_run(project: Path) -> None:
    done = run(project, "--only", "load", "--mock", "fetch=@rows.json", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert states(done) == {"fetch": "mocked", "load": "success"}
    assert (project / "mark").read_text() == "load "


def test_a_repeated_task_gives_the_items_of_its_mock(project: Path) -> None:
    done = run(project, "--only", "each", "--only", "sum", "--mock", "fetch=[1]", "--mock", "each=[4, 5]", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert states(done) == {"fetch": "mocked", "each[0]": "mocked", "each[1]": "mocked", "sum": "success"}
    (log,) = [row["log"] for row in json.loads(done.stdout)["tasks"] if row["task"] == "sum"]
    assert "total 9" in Path(log).read_text()


def test_the_debugger_opens_at_breakpoints_and_where_a_task_fails(project: Path) -> None:
    done = run(project, "--from", "stops", "--mock", "load=4", "--pdb", typed="p wanted\nc\np wanted, count\nq\n")
    assert done.returncode == 1, done.stderr
    assert "(Pdb) 12" in done.stderr
    assert "task 'broken' failed: ValueError: wanted 24" in done.stderr
    assert "(Pdb) (24, 12)" in done.stderr
