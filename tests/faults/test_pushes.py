"""Hosts, agents, the database and clocks fail while releases travel: the fleet has one release or the other, whole.

Three hosts with places of their own. A run that has begun imports a module only when it is let go on, so it needs its
release to its end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import HOST
from airfleet.releases import fetcher, manifest
from airfleet.releases.places import MANIFEST, Places
from airfleet.testing.fleet import command
from faultlab.injectors.clock_shim import ClockShim
from faultlab.systems.hosts_under_test import HostsUnderTest

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SECONDS = 120.0
#: a file that takes seconds to fetch, beside small ones
LARGE_BYTES = 40_000_000
DAY = 86_400
STEPS = """\
import os, pathlib, time

def gate(run_id):
    ledger = pathlib.Path(os.environ["LEDGER"])
    (ledger / f"began-{run_id}").touch()
    while not (ledger / f"open-{run_id}").exists():
        time.sleep(0.05)
    from shop import late
    (ledger / f"ended-{run_id}").write_text(late.EDITION)
"""
PIPELINE = """\
dag_id: gated
schedule: null
max_active_runs: 9
tasks: [{id: gate, uses: "shop.steps:gate"}]
"""


@dataclass(frozen=True)
class Shop:
    """The fleet, and the folder that its tasks write into."""

    fleet: HostsUnderTest
    ledger: Path

    def edition(self, text: str, large: bytes | None = None) -> None:
        """Write another edition of the project."""
        self.fleet.write("shop/late.py", f"EDITION = {text!r}\n")
        if large is not None:
            (self.fleet.root / "data.bin").write_bytes(large)

    def push(self, **environ: str) -> dict[str, Any]:
        """Push what is there."""
        done = self.fleet.with_environment(**environ).airfleet("push", "-o", "json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def start_push(self) -> subprocess.Popen[str]:
        """Begin a push."""
        words = [*command(), "push", "-o", "json", "--timeout", f"{SECONDS:.0f}s"]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            words, cwd=self.fleet.root, env=dict(self.fleet.environ), stdout=pipe, stderr=pipe, text=True
        )

    def begin(self) -> str:
        """Start a run, which waits in its task."""
        run = self.fleet.trigger("gated")
        wait_until(lambda: (self.ledger / f"began-{run}").exists(), SECONDS, "the task runs", 0.05)
        return run

    def end(self, run: str) -> str:
        """Let a run go on to its end; return the edition that it imported."""
        (self.ledger / f"open-{run}").touch()
        assert self.fleet.wait_for_run("gated", run, SECONDS) == "success"
        return (self.ledger / f"ended-{run}").read_text()

    def places(self, host: str) -> Places:
        """Give the releases of a host."""
        return Places(self.fleet.on(host).paths.releases)

    def wait_until_fetching(self, host: str) -> None:
        """Wait until a host has a part of a release."""
        partial = self.places(host).partial
        wait_until(lambda: partial.is_dir() and any(partial.rglob("*")), SECONDS, f"{host} fetches", 0.002)

    def wait_until_live(self, digest: str) -> None:
        """Wait until a release is live on every host, whole."""
        for host in self.fleet.names:
            places = self.places(host)
            wait_until(lambda at=places: at.live_digest() == digest, SECONDS, f"it is live on {host}")  # type: ignore[misc]
            listed = manifest.decode((places.tree(digest) / MANIFEST).read_bytes())
            assert fetcher.verify(listed, places) == ()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    ledger = tmp_path_factory.mktemp("ledger")
    files = {"shop/__init__.py": "", "shop/steps.py": STEPS, "pipelines/gated.yaml": PIPELINE}
    settings = f"name: shop\nworkers: [{{name: worker, slots: 3}}]\nenv: {{LEDGER: {ledger}}}\n"
    with HostsUnderTest.of(settings, 3, files) as fleet:
        made = Shop(fleet, ledger)
        made.edition("first")
        fleet.pushes = True
        fleet.start()
        first = made.places("host-1").live_digest()
        assert first is not None
        made.wait_until_live(first)
        yield made


def test_a_host_that_loses_its_power_while_it_fetches_holds_up_no_push_and_has_the_release_when_it_is_back(
    shop: Shop,
) -> None:
    shop.edition("power off", os.urandom(LARGE_BYTES))
    with shop.start_push() as pushing:
        shop.wait_until_fetching("host-2")
        shop.fleet.power_off("host-2")
        said, errors = pushing.communicate(timeout=SECONDS)
    assert pushing.returncode == 0, errors
    done = json.loads(said)
    assert [one["host"] for one in done["hosts"]] == ["host-1", "host-3"]
    assert shop.end(shop.begin()) == "power off"
    shop.fleet.start_again("host-2")
    shop.wait_until_live(done["digest"])


def test_an_agent_that_is_killed_while_it_fetches_goes_on_and_what_ran_keeps_its_release(shop: Shop) -> None:
    before = (shop.fleet.root / "shop" / "late.py").read_text()
    run = shop.begin()
    shop.edition("agent killed", os.urandom(LARGE_BYTES))
    with shop.start_push() as pushing:
        shop.wait_until_fetching("host-3")
        os.kill(shop.fleet.on("host-3").snapshot().pid, signal.SIGKILL)
        shop.fleet.start_again("host-3")
        said, errors = pushing.communicate(timeout=SECONDS)
    assert pushing.returncode == 0, errors
    shop.wait_until_live(json.loads(said)["digest"])
    assert f"EDITION = {shop.end(run)!r}\n" == before
    assert shop.end(shop.begin()) == "agent killed"


def test_a_database_that_dies_during_a_push_leaves_the_old_release_and_the_next_push_succeeds(shop: Shop) -> None:
    live = shop.places("host-1").live_digest()
    run = shop.begin()
    kept = (shop.places("host-1").live / "shop" / "late.py").read_text()
    shop.edition("database died", os.urandom(LARGE_BYTES))
    with shop.start_push() as pushing:
        shop.wait_until_fetching("host-3")
        shop.fleet.kill("postgres")
        _, errors = pushing.communicate(timeout=SECONDS)
    assert pushing.returncode == 1
    assert "Traceback" not in errors
    assert "the database of fleet 'shop' does not answer" in errors
    assert {shop.places(host).live_digest() for host in shop.fleet.names} == {live}
    wait_until(lambda: shop.fleet.snapshot().healthy, SECONDS, "the fleet is healthy again")
    assert f"EDITION = {shop.end(run)!r}\n" == kept
    wait_until(lambda: shop.fleet.airfleet("push").returncode == 0, SECONDS, "the lock of the push that died opens", 5)
    assert shop.end(shop.begin()) == "database died"


@pytest.mark.needs("cc")
@pytest.mark.parametrize("seconds", [DAY, -DAY])
def test_a_publisher_with_a_wrong_clock_pushes_and_its_release_is_the_newest(
    shop: Shop, tmp_path: Path, seconds: int
) -> None:
    wrong = ClockShim(tmp_path / "clocks", ("host-1",))
    wrong.set("host-1", seconds)
    shop.edition(f"wrong by {seconds}")
    digest = shop.push(**wrong.environment, **{HOST: "host-1"})["digest"]  # of its processes, the push alone is wrong
    shop.wait_until_live(digest)
    listed = json.loads(shop.fleet.airfleet("releases", "-o", "json").stdout)
    assert listed[0]["digest"] == digest
    assert shop.end(shop.begin()) == f"wrong by {seconds}"
