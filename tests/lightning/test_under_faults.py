"""The pipeline under random faults, by both engines and through the clouds: exactly the rows of the source."""

from __future__ import annotations

import shutil
from pathlib import Path

import independent
import pytest
from loaded import loaded

from conftest import EXAMPLE, Runner
from lightning.clouds import Clouds
from support.storms import Project, storm_over

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

SEED, FAULTS = 20_260_107, 5
#: year -> the engine that adds it up
YEARS = {2001: "duckdb", 2002: "spark", 2003: "duckdb"}


def copy_into(root: Path) -> None:
    """Its pipeline and modules."""
    for name in ("pipelines", "lightning"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(EXAMPLE / name, root / name, ignore=ignore, dirs_exist_ok=True)


def test_every_year_is_loaded_exactly_whatever_breaks(cloudy: Runner, sky: Clouds) -> None:
    expected = {year: independent.of_bigquery(sky.fill(year, 3000, year)) for year in YEARS}
    names = ("AIRFLOW_CONN_", "AIRFLOW_VAR_", "LIGHTNING_", "BIGQUERY_", "STORAGE_", "JAVA_TOOL_")
    project = Project(
        copy_into,
        ["lightning"],
        {name: value for name, value in cloudy.environ.items() if name.startswith(names)},
        settings="""\
  scheduler: {use_job_schedule: "False"}
connections:
  lightning_spark: {type: spark, host: "local[2]"}
""",
    )
    with storm_over(project) as storm:
        for year, engine in YEARS.items():
            storm.begin("lightning", year=year, source="bigquery", engine=engine)
        storm.blow(FAULTS, SEED)
        assert set(storm.states().values()) == {"success"}
    assert {year: loaded(cloudy, year) for year in YEARS} == expected
