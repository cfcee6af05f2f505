"""The seven steps as plain functions, from a file server to chunk files."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from air_quality import serve, steps
from air_quality.errors import FetchError, HeaderDrift, JobError, MissingInput, StoreError, TooManyRejects
from support.air_quality_again import compare, read_parquet

OZONE, SO2 = "epa_aqs_ozone_daily_summary", "epa_aqs_so2_daily_summary"
GSOD = "noaa_global_summary_of_day"
SOURCES = {OZONE: "daily_44201_*.zip", SO2: "daily_42401_*.zip", GSOD: "*.tar.gz"}


@dataclasses.dataclass
class Finished:
    """A run that went through all steps, and what each returned."""

    run: dict[str, Any]
    fetched: dict[str, Any]
    cleaned: dict[str, Any]
    sorted: dict[str, Any]
    chunked: dict[str, Any]
    stored: dict[str, Any]
    summary: dict[str, Any]


def run_all(job: dict[str, Any], source: str, folder: Path, run_id: str = "manual__1", **more: Any) -> Finished:
    run = steps.start(job, run_id, source=source, work=f"{folder}/work", output=f"{folder}/output", **more)
    fetched = steps.fetch(job, run)
    cleaned = steps.clean(job, run)
    in_order = steps.sort(job, run)
    chunked = steps.chunk(job, run)
    stored = steps.store(job, run, fetched, cleaned)
    summary = steps.end(job, run, fetched, cleaned, chunked, stored)
    return Finished(run, fetched, cleaned, in_order, chunked, stored, summary)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "min_chunksize"), [(SO2, 1), (OZONE, 400), (GSOD, 400), (OZONE, 250_000), (GSOD, 250_000)]
)
def test_stores_what_the_archives_hold(
    name: str, min_chunksize: int, jobs: dict[str, Any], mirror: Path, server: str, tmp_path: Path
) -> None:
    job = jobs[name]
    done = run_all(job, server, tmp_path, min_chunksize=min_chunksize)
    expected = compare(tmp_path / "output", mirror.rglob(SOURCES[name]), job, min_chunksize)
    assert (len(expected.rows), len(expected.rejected)) == (3000, 16)
    address = tmp_path / "output" / "air-quality" / job["folder"]
    chunks = done.summary["chunks"]
    assert done.summary == {
        "job": name,
        "archives": 2,
        "rows_in": 3016,
        "rows_out": 3000,
        "rejected": 16,
        "chunks": chunks,
        "files": chunks + 3,
        "address": str(address),
        "chart": str(address / "chart.png"),
    }
    fewest, most = {1: (2 * len(expected.places),) * 2, 400: (6, 14), 250_000: (2, 2)}[min_chunksize]
    assert fewest <= chunks <= most


def test_every_step_may_run_again_and_gives_the_same_files(jobs: dict[str, Any], server: str, tmp_path: Path) -> None:
    job = jobs[GSOD]
    first = run_all(job, server, tmp_path, min_chunksize=500)
    files, work = digests(tmp_path / "output"), digests(Path(first.run["folder"]))
    again: list[tuple[Callable[..., Any], dict[str, Any], Any]] = [
        (steps.fetch, {}, first.fetched),
        (steps.clean, {}, first.cleaned),
        (steps.sort, {}, first.sorted),
        (steps.chunk, {}, first.chunked),
        (steps.store, {"fetched": first.fetched, "cleaned": first.cleaned}, first.stored),
    ]
    for step, more, result in again:
        assert step(job, first.run, **more) == result
    assert run_all(job, server, tmp_path, min_chunksize=500) == first
    assert digests(tmp_path / "output") == files
    assert digests(Path(first.run["folder"])) == work


def test_two_runs_give_the_same_bytes(jobs: dict[str, Any], server: str, tmp_path: Path) -> None:
    run_all(jobs[OZONE], server, tmp_path / "one", min_chunksize=300)
    run_all(jobs[OZONE], server, tmp_path / "two", min_chunksize=300)
    assert digests(tmp_path / "one" / "output") == digests(tmp_path / "two" / "output")


def test_a_later_run_replaces_the_result_and_removes_what_is_stale(
    jobs: dict[str, Any], mirror: Path, server: str, tmp_path: Path
) -> None:
    first = run_all(jobs[OZONE], server, tmp_path, "scheduled__2026-01-01T00:00:00+00:00", min_chunksize=200)
    second = run_all(jobs[OZONE], server, tmp_path, "scheduled__2026-01-02T00:00:00+00:00", min_chunksize=900)
    assert second.chunked["chunks"] < first.chunked["chunks"]
    assert second.stored["removed"] > 0
    compare(tmp_path / "output", mirror.rglob(SOURCES[OZONE]), jobs[OZONE], 900)


def test_reads_a_mirror_that_is_a_folder(jobs: dict[str, Any], mirror: Path, tmp_path: Path) -> None:
    for name in (OZONE, GSOD):
        run_all(jobs[name], str(mirror), tmp_path)
        compare(tmp_path / "output", mirror.rglob(SOURCES[name]), jobs[name])


def test_work_folders_of_old_runs_are_forgotten(jobs: dict[str, Any], server: str, tmp_path: Path) -> None:
    job = {**jobs[OZONE], "keep_runs": 2}
    for number in range(5):
        steps.start(job, f"run {number}", source=server, work=str(tmp_path))
    left = sorted(path.name for path in (tmp_path / OZONE).iterdir())
    assert left == ["run_2", "run_3", "run_4"]


def test_the_steps_need_neither_airflow_nor_what_only_one_of_them_uses(example: Path) -> None:
    """Every task is a process of its own: what it imports, it pays for."""
    code = "import sys; sys.modules.update(dict.fromkeys(('airflow', 'boto3', 'matplotlib'))); import air_quality.steps"
    subprocess.run([sys.executable, "-c", code], cwd=example, check=True)


def spoilt_mirror(mirror: Path, tmp_path: Path, change: Callable[[str], str]) -> Path:
    """A mirror with one ozone archive, its CSV changed."""
    folder = tmp_path / "spoilt" / "aqs.epa.gov" / "aqsweb" / "airdata"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(next(mirror.rglob("daily_44201_2023.zip"))) as archive:
        text = archive.read("daily_44201_2023.csv").decode()
    with zipfile.ZipFile(folder / "daily_44201_2023.zip", "w") as archive:
        archive.writestr("daily_44201_2023.csv", change(text))
    (folder / "download_files.html").write_text('<a href="daily_44201_2023.zip">2023</a>')
    return tmp_path / "spoilt"


CHANGED_HEADERS = [
    (
        lambda text: text.replace('"AQI"', '"Air Quality Index"', 1),
        "(missing: AQI; new: Air Quality Index)",
    ),
    (lambda text: text.replace('"AQI",', "", 1), "(missing: AQI)"),
    (lambda text: text.replace('"AQI"', '"AQI","AQI Category"', 1), "(new: AQI Category)"),
    (lambda text: text.replace('"POC","Latitude"', '"Latitude","POC"', 1), "(the same columns in another order)"),
]


@pytest.mark.parametrize(("change", "said"), CHANGED_HEADERS)
def test_a_changed_header_is_named(
    change: Callable[[str], str], said: str, jobs: dict[str, Any], mirror: Path, tmp_path: Path
) -> None:
    source = spoilt_mirror(mirror, tmp_path, change)
    run = steps.start(jobs[OZONE], "run", source=str(source), work=str(tmp_path))
    steps.fetch(jobs[OZONE], run)
    with pytest.raises(HeaderDrift) as caught:
        steps.clean(jobs[OZONE], run)
    file = "daily_44201_2023.zip/daily_44201_2023.csv"
    assert str(caught.value) == f"{file}: the columns are not those of header_raw {said}"
    assert not (Path(run["folder"]) / "cleaned.parquet").exists()


def test_too_many_rejects_fail_the_step_and_leave_the_reasons(
    jobs: dict[str, Any], server: str, tmp_path: Path
) -> None:
    job = {**jobs[OZONE], "max_reject_share": 0.005}
    run = steps.start(job, "run", source=server, work=str(tmp_path))
    steps.fetch(job, run)
    with pytest.raises(TooManyRejects) as caught:
        steps.clean(job, run)
    rejects = Path(run["folder"]) / "rejects.csv"
    assert str(caught.value) == (
        "16 of 3,016 rows were rejected, more than the 0.50% that max_reject_share allows; "
        f"the reasons are in {rejects}"
    )
    assert len(rejects.read_text().splitlines()) == 17


def test_every_kind_of_bad_row_has_its_reason(jobs: dict[str, Any], server: str, tmp_path: Path) -> None:
    reasons = {}
    for name in (OZONE, GSOD):
        run = steps.start(jobs[name], "run", source=server, work=str(tmp_path))
        steps.fetch(jobs[name], run)
        steps.clean(jobs[name], run)
        with (Path(run["folder"]) / "rejects.csv").open(newline="") as file:
            reasons[name] = {row["reason"] for row in csv.DictReader(file)}
    assert reasons[OZONE] == {
        "28 values where 29 are expected",
        "30 values where 29 are expected",
        "the quotes do not match: unexpected end of data",
        "latitude: 'north' is not a number",
        "date: '2024-02-31' is not a date",
        "aqi: 'high' is not a whole number",
        "longitude: -1180.2 is not between -180 and 180",
        "mean_value: '#N/A' is not a number",
    }
    assert reasons[GSOD] == {
        "27 values where 28 are expected",
        "29 values where 28 are expected",
        "the quotes do not match: unexpected end of data",
        "latitude is missing",
        "date: '2023-13-01' is not a date",
        "FRSHTT: '01x000' is not six digits of 0 and 1",
        "longitude: 361.0 is not between -180 and 180",
        "temperature: 'cold' is not a number",
    }


def test_a_step_without_its_input_names_the_step_to_run(jobs: dict[str, Any], tmp_path: Path) -> None:
    run = steps.start(jobs[OZONE], "run", source="http://127.0.0.1:9", work=str(tmp_path))
    with pytest.raises(MissingInput, match=r"sorted\.parquet is not there: run the step 'sort' of this run again"):
        steps.chunk(jobs[OZONE], run)


def test_the_run_ends_in_an_error_when_the_result_is_elsewhere(
    jobs: dict[str, Any], server: str, tmp_path: Path
) -> None:
    done = run_all(jobs[OZONE], server, tmp_path)
    elsewhere = {**done.stored, "address": "s3://bucket/folder"}
    with pytest.raises(StoreError, match="the result is in s3://bucket/folder, but now belongs in "):
        steps.end(jobs[OZONE], done.run, done.fetched, done.cleaned, done.chunked, elsewhere)


def test_a_page_without_a_fitting_link_says_what_was_wanted(jobs: dict[str, Any], mirror: Path, tmp_path: Path) -> None:
    job = {**jobs[OZONE], "accept_regex": ".*daily_99999.*"}
    with serve.served(mirror) as address:
        run = steps.start(job, "run", source=address, work=str(tmp_path))
        with pytest.raises(FetchError) as caught:
            steps.fetch(job, run)
    page = f"{address}/aqs.epa.gov/aqsweb/airdata/download_files.html"
    assert str(caught.value) == f"{page} has 6 links, and none of them matches .*daily_99999.*"


def test_an_archive_that_left_the_page_leaves_the_run(jobs: dict[str, Any], mirror: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mirror"
    shutil.copytree(mirror, copy)
    run = steps.start(jobs[GSOD], "run", source=str(copy), work=str(tmp_path / "work"))
    assert len(steps.fetch(jobs[GSOD], run)["archives"]) == 2
    page = next(copy.rglob("index.html"))
    page.write_text(page.read_text().replace("2023.tar.gz", "2023.txt"))
    assert [one["name"] for one in steps.fetch(jobs[GSOD], run)["archives"]] == ["2024.tar.gz"]
    assert steps.clean(jobs[GSOD], run)["rows_in"] < 2000


BROKEN_JOBS = [
    ({"format": "csv"}, "format 'csv' is unknown; known are aqs, gsod"),
    ({"file_type": "rar"}, "file_type 'rar' is unknown; known are zip, tar_gz"),
    ({"source_url": ""}, "source_url must be given"),
    (
        {"accept_regex": "("},
        "accept_regex is not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    ({"memory": "lots"}, "memory 'lots' is not a size like 512MB"),
    ({"max_reject_share": 2}, "max_reject_share must be between 0 and 1"),
    ({"missing": {"TEMP": [9999.9]}}, "missing: 'TEMP' is not in header_raw"),
    ({"row": ["date", "latitude", "longitude", "pm25"]}, "row: the format aqs has no column 'pm25'"),
    ({"row": ["latitude", "longitude"]}, "row: 'date' must be among the columns"),
    (
        {"layout_names": ["by_month"]},
        "layout_names 'by_month' is unknown; known are approxlat_approxlng_yyyy_mm, yyyy_mm_approxlat_approxlng",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), BROKEN_JOBS)
def test_a_broken_job_is_told_at_the_start(
    change: dict[str, Any], sentence: str, jobs: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(JobError) as caught:
        steps.start({**jobs[OZONE], **change}, "run", work=str(tmp_path))
    assert str(caught.value) == f"job {OZONE}: {sentence}"


def test_missing_values_and_lost_thousands_follow_the_job(jobs: dict[str, Any], server: str, tmp_path: Path) -> None:
    """The nines are null, a pressure of 003.2 is 1003.2, and nothing below 100 millibars is left."""
    done = run_all(jobs[GSOD], server, tmp_path)
    manifest = json.loads((Path(done.summary["address"]) / "manifest.json").read_text())
    chunk = next(entry["name"] for entry in manifest["files"] if entry["name"].startswith("default/"))
    columns, rows = read_parquet(Path(done.summary["address"]) / chunk)
    pressures = [row[columns.index("station_pressure")] for row in rows]
    measured = [value for value in pressures if value is not None]
    assert None in pressures
    assert any(value > 1000 for value in measured)
    assert min(measured) > 400
    for column, nines in (("precipitation", 99.99), ("snow_depth", 999.9), ("sea_level_pressure", 9999.9)):
        values = [row[columns.index(column)] for row in rows]
        assert None in values
        assert nines not in values
