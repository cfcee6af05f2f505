"""A fleet of two hosts, the second of which has a store of its own that is empty or spoiled: pushes go live on both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases import fetcher, manifest
from airfleet.releases.places import MANIFEST, Places
from faultlab.systems.hosts_under_test import HostsUnderTest
from support.pipelines import HELLO

pytestmark = pytest.mark.long

FLEET = """\
name: pair
triggerer: false
workers: [{name: worker, slots: 1}]
releases: {store: "./stores/${{ env.AIRFLEET_HOST }}"}
"""
HOSTS = ("host-1", "host-2")


@pytest.fixture(scope="module")
def fleet() -> Iterator[HostsUnderTest]:
    files = {"pipelines/hello.yaml": HELLO, ".airfleetignore": "/stores/\n"}
    with HostsUnderTest.of(FLEET, len(HOSTS), files) as fleet:
        fleet.start()
        yield fleet


def push(fleet: HostsUnderTest, text: str) -> str:
    """Push, from the machine of the first host, what then goes live on both; its digest."""
    fleet.write("pipelines/hello.yaml", text)
    done = fleet.airfleet("push", "-o", "json")
    assert done.returncode == 0, done.stderr
    pushed: dict[str, Any] = json.loads(done.stdout)
    assert [(one["host"], one["state"]) for one in pushed["hosts"]] == [(host, "ready") for host in HOSTS]
    digest = str(pushed["digest"])
    for host in HOSTS:
        places = places_of(fleet, host)
        wait_until(lambda places=places: places.live_digest() == digest, 20, f"it is live on {host}")
        release = manifest.decode((places.tree(digest) / MANIFEST).read_bytes())
        assert fetcher.verify(release, places) == ()
    return digest


def places_of(fleet: HostsUnderTest, host: str) -> Places:
    return Places(fleet.on(host).paths.releases)


def told(fleet: HostsUnderTest, host: str, digest: str) -> list[str]:
    """Give what a host's log says of where a release came from."""
    lines = fleet.log_of(host).read_text().splitlines()
    return [line for line in lines if f" release {digest[:12]} is fetched from " in line]


def place_in(store: Path, content: str) -> Path:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return store / digest[:2] / digest


def test_a_host_without_the_store_takes_a_push_from_the_other_one(fleet: HostsUnderTest) -> None:
    digest = push(fleet, HELLO)
    assert not (fleet.root / "stores" / "host-2").exists()
    (line,) = told(fleet, "host-2", digest)
    address = fleet.component("api-server").address
    assert f" is fetched from the api-server {address}: the store has no object " in line
    assert told(fleet, "host-1", digest) == []


def test_a_flipped_byte_in_the_store_of_a_host_is_refused_and_healed_through_the_other_one(
    fleet: HostsUnderTest,
) -> None:
    text = HELLO.replace("good day", "good night")
    one, two = (fleet.root / "stores" / host for host in HOSTS)
    two.mkdir()
    for path in one.glob("??/*"):
        (two / path.parent.name).mkdir(exist_ok=True)
        (two / path.parent.name / path.name).write_bytes(path.read_bytes())
    spoiled = place_in(two, text)
    spoiled.parent.mkdir(exist_ok=True)
    spoiled.write_text(text.replace("night", "nighu"))
    digest = push(fleet, text)
    (line,) = told(fleet, "host-2", digest)
    assert ": the store gave wrong bytes " in line
    assert spoiled.read_text() != text  # a host that fetches writes to no store


def test_what_was_taken_from_the_other_host_runs(fleet: HostsUnderTest) -> None:
    run = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", run) == "success"
