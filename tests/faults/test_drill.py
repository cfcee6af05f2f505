"""A drill on a running fleet: breaks what it names, tells what happened, and leaves nothing of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.drill import dags, parts
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import DRILL
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import Tiny

#: with room for the tasks of ten seconds, which a fleet of one slot is not given
PRODUCTION = """\
name: depended-on
production: true
task_user: root
airflow: {core: {auth_manager: airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager}}
triggerer: false
workers: [{name: worker, slots: 2}]
"""
#: for all six parts, on a busy machine
ALL_SECONDS = 1800.0


def pipelines(fleet: FleetUnderTest) -> set[str]:
    return {path.name for path in (fleet.root / "pipelines").iterdir()}


def test_a_drill_breaks_a_part_tells_what_happened_and_leaves_nothing(running: Tiny) -> None:
    fleet = running.fleet
    before = fleet.component("worker").pid
    there = pipelines(fleet)

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
    assert pipelines(fleet) == there
    assert not dags.knows(fleet.api, DRILL)


@pytest.fixture
def production() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(PRODUCTION) as fleet:
        # Its socket would else lie where temporary things are, which a test gives a folder of its own.
        fleet.environ = {**fleet.environ, "XDG_RUNTIME_DIR": str(fleet.temporary)}
        fleet.start()
        yield fleet


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_all_parts_of_a_production_fleet_are_drilled_when_that_is_said_and_nothing_is_lost(
    production: FleetUnderTest, tmp_path: Path
) -> None:
    # The witness of a drill is a folder where temporary things are.
    fleet = production.with_environment(TMPDIR=str(tmp_path))
    processes = {one.name: one.pid for one in fleet.snapshot().components}

    refused = fleet.airfleet("drill", "all", "-o", "json")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "fleet 'depended-on' is production" in refused.stderr
    assert {one.name: one.pid for one in fleet.snapshot().components} == processes
    assert not dags.knows(fleet.api, DRILL)
    assert (pipelines(fleet), list(tmp_path.iterdir())) == (set(), [])

    done = fleet.airfleet("drill", "all", "--yes", "-o", "json", seconds=ALL_SECONDS)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    verdicts = {verdict["part"]: verdict for verdict in json.loads(done.stdout)}
    assert tuple(verdicts) == parts.PARTS
    for verdict in verdicts.values():
        found = (verdict["lost"], verdict["twice"], verdict["failed"], verdict["violations"])
        assert found == (0, 0, 0, []), f"{verdict}\n{done.stderr}"
        assert None not in (verdict["gap"], verdict["healthy_after"], verdict["rerun_after"])
    for part in ("worker", parts.HOST):
        assert verdicts[part]["rerun"] >= 1, done.stderr
    assert not dags.knows(fleet.api, DRILL)
    # A Celery worker that was killed leaves a folder of its own.
    left = [place for place in tmp_path.iterdir() if not place.name.startswith("pymp-")]
    assert (pipelines(fleet), left) == (set(), [])


@pytest.fixture
def released() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make("name: released\nworkers: [{name: worker, slots: 2}]\n") as fleet:
        fleet.start()
        assert fleet.airfleet("push").returncode == 0
        yield fleet


@pytest.mark.long
def test_a_fleet_with_releases_gets_the_pipeline_by_one_and_has_its_own_again_afterwards(
    released: FleetUnderTest,
) -> None:
    places = Places(released.paths.releases)
    live = places.live_digest()
    for part in ("worker", "database"):
        done = released.airfleet("drill", part, "-o", "json", "--timeout", "60s")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        [verdict] = json.loads(done.stdout)
        assert (verdict["lost"], verdict["twice"], verdict["failed"], verdict["violations"]) == (0, 0, 0, [])
        wait_until(lambda: places.live_digest() == live, 10, "the release before is live again")
    log = json.loads(released.airfleet("releases", "log", "-o", "json").stdout)
    assert [entry["action"] for entry in log] == ["rollback", "push", "rollback", "push", "push"]
    assert pipelines(released) == set()
    assert not dags.knows(released.api, DRILL)
