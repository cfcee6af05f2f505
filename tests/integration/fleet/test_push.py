"""A running fleet of one host: what is pushed runs, and an earlier release comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import TINY
from support.pipelines import HELLO

pytestmark = pytest.mark.long

#: after which a push no longer waits for the dag-processor
UPTAKE_SECONDS = 10.0


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(TINY, {"pipelines/hello.yaml": HELLO}) as fleet:
        fleet.start()
        yield fleet


def data(fleet: FleetUnderTest, *words: str) -> Any:
    """Run a command, and read its JSON."""
    done = fleet.airfleet(*words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def live_here(fleet: FleetUnderTest) -> str | None:
    return Places(fleet.paths.releases).live_digest()


def said(fleet: FleetUnderTest) -> str:
    """Run the Dag, and give what its task returned."""
    (task,) = data(fleet, "trigger", "hello", "--unpause", "--wait", "--timeout", "60s")["tasks"]
    run = fleet.api.get("dags", "hello", "dagRuns", limit=1, order_by="-run_after")["dag_runs"][0]
    assert task["state"] == "success"
    value = fleet.api.get(
        "dags", "hello", "dagRuns", run["dag_run_id"], "taskInstances", "say", "xcomEntries", "return_value"
    )["value"]
    return str(value)


def test_a_run_after_a_push_runs_the_new_code_and_after_a_rollback_the_old_one(fleet: FleetUnderTest) -> None:
    first = data(fleet, "push", "-m", "first")
    assert (first["state"], first["hosts"]) == ("live", [{"host": "local", "state": "ready", "sentence": ""}])
    assert live_here(fleet) == first["digest"]
    assert said(fleet) == "good day"
    fleet.write("pipelines/hello.yaml", HELLO.replace("good day", "good night"))
    assert said(fleet) == "good day"  # an edit alone reaches nobody any more
    second = fleet.airfleet("push", "-m", "second")
    assert second.returncode == 0, second.stderr
    assert second.stderr.splitlines()[-1].endswith("s  Airflow has taken it up")
    assert said(fleet) == "good night"
    back = data(fleet, "rollback")
    assert (back["digest"], live_here(fleet)) == (first["digest"], first["digest"])
    assert said(fleet) == "good day"
    assert back["seconds"] < UPTAKE_SECONDS
    listed = data(fleet, "releases")
    assert [(one["note"], one["state"], one["ready"]) for one in listed] == [
        ("second", "", "1/1"), ("first", "live", "1/1"),
    ]  # fmt: skip


def test_a_pipeline_that_is_broken_takes_no_other_of_its_release_down(fleet: FleetUnderTest) -> None:
    fleet.write("pipelines/hello.yaml", HELLO.replace("good day", "beside a broken one"))
    fleet.write("pipelines/broken.yaml", "dag_id: broken\ntasks: [{id: one, uses: nothing_of_that_name}]\n")
    refused = fleet.airfleet("push")
    assert refused.returncode == 1
    assert "nothing was pushed: 'airfleet check' finds 1 problem" in refused.stderr
    assert fleet.airfleet("push", "--force").returncode == 0
    assert said(fleet) == "beside a broken one"
    [error] = fleet.api.every("import_errors", "importErrors")
    assert error["filename"].endswith("broken.yaml")


def test_a_fleet_that_is_down_is_named(fleet: FleetUnderTest) -> None:
    fleet.stop()
    done = fleet.airfleet("push")
    assert (done.returncode, done.stderr) == (
        1, f"error: the fleet in {fleet.root} is not running\nhint: airfleet up\n"
    )  # fmt: skip
