"""Whole runs of the pipeline: the tables hold what an independent computation says, whatever the way."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import independent
import pytest
from loaded import loaded

from airfleet.testing.fleet import command
from airfleet.testing.waiting import wait_until
from conftest import EXAMPLE, Runner
from lightning import clouds, sample
from lightning.clouds import BUCKET, Clouds


def test_a_local_file_by_duckdb_is_in_the_tables_and_again_the_same(local: Runner, files: Path) -> None:
    expected = independent.of_ncei(files / "nldn-tiles-2019.csv.gz")
    for _ in range(2):
        done = local.run(2019, source="local", engine="duckdb", files=str(files))
        assert done.returncode == 0, done.stdout + done.stderr
        assert loaded(local, 2019) == expected


def test_a_table_of_bigquery_goes_through_both_clouds_and_spark(cloudy: Runner, sky: Clouds) -> None:
    expected = independent.of_bigquery(sky.fill(2022, 3000, 9))
    done = cloudy.run(2022, source="bigquery", engine="spark")
    assert done.returncode == 0, done.stdout + done.stderr
    assert loaded(cloudy, 2022) == expected
    left = [path.name for path in (sky.buckets / BUCKET / "extract").iterdir() if path.name.startswith("2022-")]
    assert left == []


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_a_row_that_is_no_tile_loads_nothing_and_is_shown(local: Runner, tmp_path: Path, engine: str) -> None:
    good = tmp_path / "nldn-tiles-2018.csv"
    good.write_text("#ZDAY,CENTERLON,CENTERLAT,TOTAL_COUNT\n20180601,-81.5,27.5,3\n20180602,-81.5,27.5,many\n")
    done = local.run(2018, source="local", engine=engine, files=str(tmp_path))
    assert done.returncode == 1
    assert "1 row is no tile" in done.stdout + done.stderr
    assert "20180602,-81.5,27.5,many" in done.stdout + done.stderr
    assert loaded(local, 2018).year is None


def test_a_run_that_is_killed_in_the_middle_leaves_the_year_as_it_was(local: Runner, files: Path) -> None:
    assert local.run(2020, source="local", engine="duckdb", files=str(files)).returncode == 0
    before = loaded(local, 2020)
    assert before == independent.of_ncei(files / "nldn-tiles-2020.csv.gz")
    said = ("year=2020", "source=local", "engine=duckdb", f"files={files}")
    words = [word for one in said for word in ("--param", one)]
    started = subprocess.Popen(
        [*command(), "run", "pipelines/lightning.yaml", *words],
        cwd=EXAMPLE,
        env=local.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    work = Path(local.environ["AIRFLOW_VAR_LIGHTNING_WORK"]) / "2020"
    wait_until(lambda: any(work.glob("*/results/summary.json")), 60, "the engine has computed")
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert loaded(local, 2020) == before
    assert local.run(2020, source="local", engine="duckdb", files=str(files)).returncode == 0
    assert loaded(local, 2020) == before
    assert not work.exists()


def test_missing_connections_and_buckets_are_named(local: Runner, cloudy: Runner) -> None:
    without = local.run(2023, source="bigquery", engine="duckdb")
    assert without.returncode == 1
    assert "there is no connection 'lightning_google'" in without.stdout + without.stderr
    elsewhere = cloudy.run(
        2023, {"AIRFLOW_VAR_LIGHTNING_S3_BUCKET": "nowhere-to-be-found"}, source="bigquery", engine="duckdb"
    )
    assert elsewhere.returncode == 1
    assert "there is no bucket s3://nowhere-to-be-found" in elsewhere.stdout + elsewhere.stderr


def test_the_clouds_run_a_command_with_their_connections_and_leave_nothing(tmp_path: Path) -> None:
    sample.write(tmp_path, 2021, 500, 2)
    script = (tmp_path / "show.sh").absolute()
    script.write_text('#!/bin/sh\necho "$AIRFLOW_CONN_LIGHTNING_DB"\nexit 7\n')
    script.chmod(0o755)
    assert clouds.main(["--no-clouds", "--", str(script)]) == 7
