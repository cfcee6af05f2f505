"""A running fleet of one host: its folder is pushed, is live on the host, and an earlier release comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import TINY
from support.pipelines import HELLO

SECONDS = 30.0


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


def test_a_push_is_live_on_the_host_and_a_rollback_brings_the_release_before_it(fleet: FleetUnderTest) -> None:
    first = data(fleet, "push", "-m", "first")
    assert (first["state"], first["hosts"]) == ("live", [{"host": "local", "state": "ready", "sentence": ""}])
    wait_until(lambda: live_here(fleet) == first["digest"], SECONDS, "the first release is live here")
    fleet.write("pipelines/more.yaml", HELLO.replace("hello", "more"))
    second = data(fleet, "push", "-m", "second")
    assert second["sent_objects"] == 1
    assert sum(second["seconds"].values()) < SECONDS
    wait_until(lambda: live_here(fleet) == second["digest"], SECONDS, "the second release is live here")
    back = data(fleet, "rollback")
    assert (back["digest"], back["before"]) == (first["digest"], second["digest"])
    wait_until(lambda: live_here(fleet) == first["digest"], SECONDS, "the first release is live here again")
    listed = data(fleet, "releases")
    assert [(one["note"], one["state"], one["ready"]) for one in listed] == [
        ("second", "", "1/1"), ("first", "live", "1/1"),
    ]  # fmt: skip


def test_a_fleet_that_is_down_is_named(fleet: FleetUnderTest) -> None:
    fleet.stop()
    done = fleet.airfleet("push")
    assert (done.returncode, done.stderr) == (
        1, f"error: the fleet in {fleet.root} is not running\nhint: airfleet up\n"
    )  # fmt: skip
