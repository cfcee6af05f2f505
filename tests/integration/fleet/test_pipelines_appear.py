"""What the folder of pipelines holds is what Airflow shows, seconds later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.dags import DISCOVERY_SECONDS
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from support.fleets import AirQuality
from support.pipelines import HELLO

NEW = """\
dag_id: brand_new
schedule: null
start_date: 2026-01-01
tasks: [{id: a, uses: bash, with: {bash_command: ls}}]
"""
WRONG = """\
dag_id: brand_new
schedule: null
tasks:
  - {id: a, uses: bash, with: {bash_comand: ls}}
  - {id: b, needs: [c]}
"""
VISIBLE_SECONDS = 20.0


@pytest.fixture
def fleet(air_quality_fleet: AirQuality) -> Iterator[FleetUnderTest]:
    """The fleet; a pipeline that the test adds is gone after it."""
    yield air_quality_fleet.fleet
    (air_quality_fleet.fleet.root / "pipelines" / "brand_new.yaml").unlink(missing_ok=True)


def import_errors(fleet: FleetUnderTest) -> list[dict[str, Any]]:
    return list(fleet.api.every("import_errors", "importErrors"))


def test_a_new_file_is_a_dag_within_seconds_and_its_removal_takes_it_away(
    fleet: FleetUnderTest, record_property: Any
) -> None:
    before = time.monotonic()
    path = fleet.write("pipelines/brand_new.yaml", NEW)
    fleet.wait_for_dag("brand_new", VISIBLE_SECONDS)
    record_property("seconds until a new file is a Dag", round(time.monotonic() - before, 1))
    path.unlink()
    wait_until(
        lambda: not is_listed(fleet, "brand_new"), DISCOVERY_SECONDS, "the Dag of a file that is gone is gone", 0.3
    )


def is_listed(fleet: FleetUnderTest, dag_id: str) -> bool:
    return any(dag["dag_id"] == dag_id for dag in fleet.api.every("dags", "dags"))


def test_a_broken_file_shows_the_words_of_check_and_leaves_the_others_alone(fleet: FleetUnderTest) -> None:
    path = fleet.write("pipelines/brand_new.yaml", WRONG)
    (error,) = wait_until(lambda: import_errors(fleet), DISCOVERY_SECONDS, "the import error is there", 0.2)
    checked = fleet.airfleet("check", "-o", "plain", path)
    assert checked.returncode == 1
    assert error["filename"] == "brand_new.yaml"
    assert error["bundle_name"] == "pipelines"
    assert error["stack_trace"].split() == checked.stdout.replace("pipelines/brand_new", "brand_new").split()
    assert "brand_new.yaml:4:45: tasks.a.with.bash_comand: " in error["stack_trace"]
    assert "brand_new.yaml:5:21: tasks.b.needs" in error["stack_trace"]
    assert "Traceback" not in error["stack_trace"]
    run = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", run) == "success"

    fleet.write("pipelines/brand_new.yaml", NEW)
    wait_until(lambda: not import_errors(fleet), DISCOVERY_SECONDS, "the import error is gone once it is fixed", 0.2)
    fleet.wait_for_dag("brand_new")


def test_the_code_tab_shows_the_pipeline_as_it_was_written(fleet: FleetUnderTest) -> None:
    fleet.wait_for_dag("hello")
    assert fleet.api.get("dagSources", "hello")["content"] == HELLO
    example = (fleet.root / "pipelines" / "air_quality.yaml").read_text()
    assert fleet.api.get("dagSources", "noaa_global_summary_of_day_job")["content"] == example


def test_the_project_of_the_fleet_is_what_check_calls_right(fleet: FleetUnderTest) -> None:
    checked = fleet.airfleet("check")
    assert (checked.returncode, checked.stdout) == (0, "")
    assert Path(fleet.root / "fleet.yaml").exists()
