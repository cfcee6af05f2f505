"""The pipeline, pushed to a fleet with clouds, whose worker dies in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import independent
import pytest
from loaded import loaded

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from conftest import EXAMPLE, Runner
from lightning.clouds import Clouds
from support import pushed

FLEET, CLOUDS = ((EXAMPLE / name).read_text() for name in ("fleet.yaml", "fleet.clouds.yaml"))
AGAIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def fleet(cloudy: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetUnderTest]:
    """The example's fleet with the clouds, healthy."""
    with FleetUnderTest.make(FLEET, {"fleet.clouds.yaml": CLOUDS}) as made:
        ours = {
            name: value
            for name, value in cloudy.environ.items()
            if name.startswith(("AIRFLOW_", "LIGHTNING_", "BIGQ", "STOR", "JAVA_T"))
        }
        with_clouds = made.with_environment(**ours, AIRFLEET_ENV="clouds")
        with_clouds.start()
        pushed.push(with_clouds, EXAMPLE)
        with_clouds.wait_for_dag("lightning")
        yield with_clouds


@pytest.mark.long
def test_a_run_whose_worker_is_killed_ends_with_exactly_the_rows_of_the_source(
    fleet: FleetUnderTest, cloudy: Runner, sky: Clouds
) -> None:
    expected = independent.of_bigquery(sky.fill(2016, 4000, 6))
    run = fleet.trigger("lightning", {"year": 2016, "engine": "duckdb"})
    folders = fleet.root, Path(cloudy.environ["AIRFLOW_VAR_LIGHTNING_WORK"])
    raw = "2016/*/raw/*.csv"
    wait_until(lambda: any(any(one.rglob(raw)) for one in folders), AGAIN_SECONDS, "the tiles are in the work folder")
    killed = fleet.kill("worker")
    fleet.wait_until_replaced("worker", killed, AGAIN_SECONDS)
    assert fleet.wait_for_run("lightning", run) == "success"
    assert loaded(cloudy, 2016) == expected
