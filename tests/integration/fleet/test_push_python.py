"""A running fleet gets a Python environment with each release; one that cannot be built leaves the old release live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases.environments import layout
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import TINY
from support.pipelines import HELLO
from support.wheels import make_wheel

pytestmark = pytest.mark.long

SECONDS = 60.0


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(TINY, {"pipelines/hello.yaml": HELLO}) as fleet:
        fleet.start()
        yield fleet


@pytest.fixture
def here(fleet: FleetUnderTest, tmp_path: Path) -> FleetUnderTest:
    """The fleet with commands that know a folder of wheels; its agent does not know it."""
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path, "toylibrary", version, {"toylibrary.py": f"VERSION = '{version}'\n"})
    return fleet.with_environment(UV_FIND_LINKS=str(tmp_path))


def push(fleet: FleetUnderTest, *words: str) -> Any:
    done = fleet.airfleet("push", "-o", "json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def installed(places: Places, file: str) -> str:
    """Name the library of the environment of a file that is live."""
    environment = layout.environment_of(places.live / file)
    assert environment is not None
    return next(environment.glob("lib/*/site-packages/toylibrary-*")).name


def test_each_release_has_its_packages_and_one_that_cannot_be_built_leaves_the_old_one(here: FleetUnderTest) -> None:
    fleet = here
    places = Places(fleet.paths.releases)
    fleet.write("requirements.txt", "toylibrary==1.0\n")
    fleet.write("envs/other.txt", "toylibrary==2.0\n")
    fleet.write("pipelines/other.yaml", HELLO.replace("hello", "other") + "\npython: /envs/other.txt\n")
    first = push(fleet, "--vendor")
    wait_until(lambda: places.live_digest() == first["digest"], SECONDS, "the release is live here")
    assert installed(places, "pipelines/hello.yaml") == "toylibrary-1.0.dist-info"
    assert installed(places, "pipelines/other.yaml") == "toylibrary-2.0.dist-info"
    assert not push(fleet, "--vendor")["has_changed"]

    fleet.write("requirements.txt", "toylibrary==1.0\nsix==1.16.0\n")
    refused = fleet.airfleet("push")
    assert refused.returncode == 1
    assert "this host cannot build the environment" in refused.stderr
    assert "toylibrary" in refused.stderr
    assert places.live_digest() == first["digest"]

    fleet.write("requirements.txt", "sqlalchemy==1.4.50\n")
    refused = fleet.airfleet("push")
    assert refused.returncode == 1
    assert "requirements.txt:1:1: asks for sqlalchemy==1.4.50, but " in refused.stderr
    assert places.live_digest() == first["digest"]
