"""A fleet whose releases are in a bucket that goes away: what its host has goes on, and a push says why it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from buckets.conftest import Cloud

pytestmark = pytest.mark.long

FLEET = "name: bucket\ntriggerer: false\nworkers: [{name: worker, slots: 1}]\n"
#: its runs follow one another
TICKS = """\
dag_id: ticks
schedule: {every: 2s}
start_date: 2026-01-01
catchup: false
max_active_runs: 1
is_paused_upon_creation: false
tasks:
  - {id: tick, uses: bash, with: {bash_command: "echo tick"}}
"""


@pytest.fixture
def fleet(cloud: Cloud) -> Iterator[FleetUnderTest]:
    text = f"{FLEET}releases: {{store: '{cloud.address()}'}}\n"
    with FleetUnderTest.make(text, {"pipelines/ticks.yaml": TICKS}) as made:
        fleet = made.with_environment(**cloud.environ)
        fleet.start()
        yield fleet


def live_here(fleet: FleetUnderTest) -> str | None:
    return Places(fleet.paths.releases).live_digest()


def successes(fleet: FleetUnderTest) -> int:
    return int(fleet.api.get("dags", "ticks", "dagRuns", state="success", limit=1)["total_entries"])


def works(fleet: FleetUnderTest) -> None:
    """Wait until the schedule has made three runs more, which have succeeded."""
    before = successes(fleet)
    wait_until(lambda: successes(fleet) >= before + 3, 60, "scheduled work goes on")


@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
def test_scheduled_work_goes_on_from_the_copies_of_the_host_while_the_bucket_is_away(
    cloud: Cloud, fleet: FleetUnderTest
) -> None:
    done = fleet.airfleet("push", "-o", "json")
    assert done.returncode == 0, done.stderr
    digest = json.loads(done.stdout)["digest"]
    assert live_here(fleet) == digest
    works(fleet)
    cloud.proxy.refuse()
    works(fleet)
    fleet.write("pipelines/ticks.yaml", TICKS.replace("echo tick", "echo tock"))
    refused = fleet.airfleet("push")
    assert refused.returncode == 1
    assert f"error: the store of releases cannot be used: the bucket of releases {cloud.kind}://shop/" in refused.stderr
    assert "Traceback" not in refused.stderr
    fleet.stop()
    fleet.start()  # an agent that begins without its bucket
    assert live_here(fleet) == digest
    works(fleet)
    cloud.proxy.open()
    again = fleet.airfleet("push", "-o", "json")
    assert again.returncode == 0, again.stderr
    assert live_here(fleet) == json.loads(again.stdout)["digest"] != digest
    works(fleet)
