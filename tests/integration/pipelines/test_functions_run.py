"""Functions elsewhere, as sensors, branches and short circuits, and asynchronous ones: ``airfleet run`` to the end."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from airfleet.pipelines.local.runner import run_pipeline

STEPS = """
import sys
from helpers.words import up
def where(text, ds): return [up(text), ds[:2], sys.prefix != sys.base_prefix]
def same(got, want): assert got == want, got
async def late(n): return n + 1
def ready(word): return word == "go"
async def soon(ti): return bool(ti)
def choose(): return "left"
def never(): return None
def far(): return "far"
"""

PIPELINE = """
dag_id: functions
tasks:
  - {id: fresh, uses: "steps:where", with: {text: a}, isolation: {venv: [], expect_airflow: false}}
  - id: there
    uses: "steps:where"
    with: {text: {$t: "{{ 'b' }}"}}
    isolation: &there {python: PYTHON, expect_airflow: false}
  - {id: same, uses: "steps:same", with: {got: {$x: fresh}, want: [A, "20", true]}}
  - {id: other, uses: "steps:same", with: {got: {$x: there}, want: [B, "20", IN_VENV]}}
  - {id: each, uses: "steps:where", expand: {text: [c, d]}, isolation: *there}
  - {id: late, uses: "steps:late", with: {n: 1}}
  - {id: two, uses: "steps:same", with: {got: {$x: late}, want: 2}}
  - {id: ready, uses: "steps:ready", with: {word: {$t: "{{ 'g' }}o"}}, sensor: {poke_interval: 1s, timeout: 60s}}
  - {id: soon, uses: "steps:soon", sensor: {mode: reschedule, timeout: 60s}}
  - {id: choose, uses: "steps:choose", branch: true, needs: [ready, soon]}
  - {id: left, needs: choose}
  - {id: right, needs: choose}
  - {id: never, uses: "steps:never", short_circuit: true}
  - {id: after, needs: never}
  - {id: elsewhere, uses: "steps:far", branch: true, isolation: *there}
  - {id: far, needs: elsewhere}
  - {id: near, needs: elsewhere}
  - {id: stop, uses: "steps:never", short_circuit: true, isolation: *there}
  - {id: not, needs: stop}
"""


def test_functions_run_where_and_as_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/words.py").write_text("def up(text): return text.upper()\n")
    (tmp_path / "steps.py").write_text(STEPS)
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    is_venv = str(python == sys.executable).lower()
    file = tmp_path / "pipelines/p.yaml"
    file.write_text(PIPELINE.replace("PYTHON", python).replace("IN_VENV", is_venv))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = dict(os.environ) | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": path}
    outcome = run_pipeline(file, environ=environ)
    ends = {event.task: event.kind for event in outcome.tasks}
    assert {ends.pop(name) for name in ("right", "after", "near", "not")} == {"skipped"}
    assert set(ends.values()) == {"succeeded"}, ends
    assert outcome.state == "success"
