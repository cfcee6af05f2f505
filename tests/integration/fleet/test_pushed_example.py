"""The air-quality example on three hosts that have its code by a push alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from air_quality import sample, serve
from airfleet.releases.places import Places
from faultlab.systems.hosts_under_test import HostsUnderTest
from support import air_quality_again, pushed
from support.fleets import AIR_QUALITY, EXAMPLE, GSOD, OZONE

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

RUN_SECONDS = 240.0
ROWS_PER_CHUNK = 200
ARCHIVES = {OZONE: "daily_44201_*.zip", GSOD: "20*.tar.gz"}


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Give the folder of a file server with the archives of both jobs."""
    sample.write(tmp_path / "mirror", rows=1500, seed=11, datasets=("ozone", "gsod"), bad=8)
    return tmp_path / "mirror"


@pytest.fixture
def fleet(mirror: Path, tmp_path: Path) -> Iterator[HostsUnderTest]:
    """Start three hosts without a pipeline; they reach the files of the machine, as of a shared disk for data."""
    with serve.served(mirror) as address:
        text = AIR_QUALITY.format(source=address, output=tmp_path / "output", work=tmp_path / "work")
        with HostsUnderTest.of(f"{text}releases: {{keep: 3}}\n", 3) as fleet:
            fleet.start()
            yield fleet


def test_every_job_of_a_pushed_example_stores_what_the_archives_hold(
    fleet: HostsUnderTest, mirror: Path, tmp_path: Path
) -> None:
    digest = pushed.push(fleet, EXAMPLE)
    assert not list((fleet.root / "pipelines").glob("*.yaml") if (fleet.root / "pipelines").exists() else [])
    assert {Places(fleet.on(host).paths.releases).live_digest() for host in fleet.names} == {digest}
    runs = {}
    for job in ARCHIVES:
        fleet.wait_for_dag(f"{job}_job")
        runs[job] = fleet.trigger(f"{job}_job", {"min_chunksize": ROWS_PER_CHUNK})
    for job, run in runs.items():
        assert fleet.wait_for_run(f"{job}_job", run, RUN_SECONDS) == "success"
        assert fleet.api.get("dags", f"{job}_job", "dagRuns", run)["bundle_version"] == digest
        sources = sorted(mirror.rglob(ARCHIVES[job]))
        entry = air_quality_again.read_job(EXAMPLE / "pipelines" / "air_quality.yaml", job)
        expected = air_quality_again.compare(tmp_path / "output", sources, entry, ROWS_PER_CHUNK)
        assert len(expected.rows) >= 1400
