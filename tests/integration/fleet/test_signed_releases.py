"""A running fleet that takes signed and approved releases alone, whatever its database says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airfleet.client import host_plan
from airfleet.drill.waiting import wait_until
from airfleet.releases import registry
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from support import ssh_keys
from support.fleets import TINY
from support.pipelines import HELLO

pytestmark = pytest.mark.needs("openssh")

POLICIES = "policies: {push: {approval: 1, signed_by: keys/pushers}}\n"
UNSIGNED = "it is signed by nobody"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetUnderTest]:
    ada, bob = (ssh_keys.person(tmp_path, name) for name in ("ada", "bob"))
    files = {"pipelines/hello.yaml": HELLO, "keys/pushers": ada.line() + bob.line()}
    with FleetUnderTest.make(f"{TINY}{POLICIES}", files) as made:
        made.start()
        yield made


def live_here(fleet: FleetUnderTest) -> str:
    return str(Places(fleet.paths.releases).live_digest())[:12]


def newest(url: str) -> str:
    with psycopg.connect(url) as connection:
        return registry.releases(connection, 1)[0].digest


@pytest.mark.long
def test_signed_and_approved_code_goes_live_and_unsigned_code_does_not(fleet: FleetUnderTest, tmp_path: Path) -> None:
    url = host_plan.of(fleet.project).database_url
    waits = fleet.airfleet("push", "--sign-with", tmp_path / "ada")
    signed = newest(url)[:12]
    assert (waits.returncode, waits.stdout) == (1, f"release {signed} is waiting for approval\n"), waits.stderr
    approved = fleet.airfleet("releases", "approve", signed, "--sign-with", tmp_path / "bob")
    assert (approved.returncode, approved.stdout) == (0, f"release {signed} is live\n"), approved.stderr
    wait_until(lambda: live_here(fleet) == signed, 20, "the release is live on the host")

    fleet.write("fleet.yaml", TINY)  # of a machine that asks for nothing; the agent has read its own
    fleet.write("pipelines/hello.yaml", HELLO.replace("good day", "good night"))
    refused = fleet.airfleet("push")
    unsigned = newest(url)
    assert (refused.returncode, refused.stderr.partition("error: ")[2]) == (
        1,
        f"release {unsigned[:12]} did not go live, release {signed} stays live: host 'local' cannot have it: "
        f"{UNSIGNED}\nhint: airfleet status\n",
    )

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE airfleet_release_live SET digest = %s, generation = generation + 1", (unsigned,))
        connection.execute("SELECT pg_notify('airfleet_releases', %s)", (f"live {unsigned}",))
    trouble = f"the live release does not go live on this host: {UNSIGNED}"
    wait_until(lambda: trouble in fleet.airfleet("status").stdout, 30, "status says it")
    assert fleet.airfleet("status").returncode == 4
    assert (live_here(fleet), Places(fleet.paths.releases).tree(unsigned).exists()) == (signed, False)
    back = fleet.airfleet("rollback", signed)
    assert back.returncode == 0, back.stderr
