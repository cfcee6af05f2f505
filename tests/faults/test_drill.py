"""A drill on a running fleet: breaks what it names, tells what happened, and leaves nothing of its own."""

from __future__ import annotations

import json

from airfleet.testing import dags
from airfleet.testing.workload import DRILL
from support.fleets import Tiny


def test_a_drill_breaks_a_part_tells_what_happened_and_leaves_nothing(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.component("worker").pid
    pipelines = {path.name for path in (fleet.root / "pipelines").iterdir()}

    done = fleet.airfleet("drill", "worker", "-o", "json", "--timeout", "60s")

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    [verdict] = json.loads(done.stdout)
    assert (verdict["lost"], verdict["twice"], verdict["failed"], verdict["violations"]) == (0, 0, 0, [])
    assert verdict["tasks"] > 10
    assert verdict["rerun"] >= 1
    assert f"worker (process {before}) is killed" in done.stderr
    assert "a task that was asked for after the fault has started" in done.stderr
    assert "every component is healthy" in done.stderr
    assert fleet.component("worker").pid != before
    assert {path.name for path in (fleet.root / "pipelines").iterdir()} == pipelines
    assert not dags.knows(fleet.api, DRILL)
