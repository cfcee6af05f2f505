"""Whole runs of the pipeline: the tables hold what an independent computation says, whatever the way."""

from __future__ import annotations

import signal
from pathlib import Path

import independent
import pytest
from loaded import NOTHING, loaded

from airfleet.drill.waiting import wait_until
from conftest import Runner
from lightning import clouds, sample
from lightning.clouds import BUCKET, Clouds


def test_a_local_file_by_duckdb_is_in_the_tables(local: Runner, files: Path) -> None:
    done = local.run(2019, source="local", engine="duckdb", files=str(files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert loaded(local, 2019) == independent.of_ncei(files / "nldn-tiles-2019.csv.gz")


@pytest.mark.long
def test_a_run_that_is_killed_in_the_middle_loads_nothing_and_the_next_one_everything(
    local: Runner, tmp_path: Path
) -> None:
    published = sample.write(tmp_path, 2017, 3000, 5)
    asked = {"source": "local", "engine": "duckdb", "files": str(tmp_path)}
    work = Path(local.environ["AIRFLOW_VAR_LIGHTNING_WORK"]) / "2017"
    with local.started(2017, **asked) as process:
        wait_until(lambda: any(work.glob("*/results/summary.json")), 60, "the engine has computed")
        process.send_signal(signal.SIGKILL)
    assert loaded(local, 2017) == NOTHING
    done = local.run(2017, **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert loaded(local, 2017) == independent.of_ncei(published)
    assert not work.exists()


def test_a_table_of_bigquery_goes_through_both_clouds_and_spark(cloudy: Runner, sky: Clouds) -> None:
    expected = independent.of_bigquery(sky.fill(2022, 3000, 9))
    done = cloudy.run(2022, source="bigquery", engine="spark")
    assert done.returncode == 0, done.stdout + done.stderr
    assert loaded(cloudy, 2022) == expected
    left = [path.name for path in (sky.buckets / BUCKET / "extract").iterdir() if path.name.startswith("2022-")]
    assert left == []


@pytest.mark.long
def test_a_row_that_is_no_tile_stops_spark_and_is_shown(local: Runner, tmp_path: Path) -> None:
    published = tmp_path / "nldn-tiles-2018.csv"
    published.write_text("#ZDAY,CENTERLON,CENTERLAT,TOTAL_COUNT\n20180601,-81.5,27.5,3\n20180602,-81.5,27.5,many\n")
    done = local.run(2018, source="local", engine="spark", files=str(tmp_path))
    assert done.returncode == 1
    assert "1 row is no tile" in done.stdout + done.stderr
    assert "20180602,-81.5,27.5,many" in done.stdout + done.stderr
    assert loaded(local, 2018) == NOTHING


def test_the_clouds_run_a_command_with_their_connections_and_leave_nothing(tmp_path: Path) -> None:
    script = (tmp_path / "show.sh").absolute()
    script.write_text('#!/bin/sh\necho "$AIRFLOW_CONN_LIGHTNING_DB"\nexit 7\n')
    script.chmod(0o755)
    assert clouds.main(["--no-clouds", "--", str(script)]) == 7
