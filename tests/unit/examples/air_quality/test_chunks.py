"""Chunk planning, cleaning of odd rows, the pipeline file, the generator, the server and the chart."""

from __future__ import annotations

import csv
import datetime as dt
import filecmp
import io
import re
import signal
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from air_quality import chart, chunks, formats, sample, steps
from air_quality.chunks import Partition
from air_quality.formats import aqs, gsod

OZONE, GSOD = "epa_aqs_ozone_daily_summary", "noaa_global_summary_of_day"
BY_PLACE, BY_MONTH = "approxlat_approxlng_yyyy_mm", "yyyy_mm_approxlat_approxlng"

PLANS = [
    ([], 10, []),
    ([3], 10, [3]),
    ([10, 10], 10, [10, 10]),
    ([4, 4, 4, 10], 10, [12, 10]),
    ([10, 9], 10, [19]),
    ([4, 7, 100, 2, 3], 10, [11, 105]),
    ([1, 1, 1], 1, [1, 1, 1]),
]


@pytest.mark.parametrize(("partitions", "min_rows", "planned"), PLANS)
def test_partitions_share_a_file_until_it_is_large_enough(
    partitions: list[int], min_rows: int, planned: list[int]
) -> None:
    given = [Partition(number, rows) for number, rows in enumerate(partitions)]
    found = chunks.plan(BY_PLACE, given, min_rows)
    assert [chunk.rows for chunk in found] == planned
    assert sum(chunk.partitions for chunk in found) == len(partitions)


PLACES = [
    (34.4, -118.6, "2023-01-31", "n34_w119_2023_01.parquet", "2023_01_n34_w119.parquet"),
    (-0.5, 0.5, "2024-12-01", "s01_e001_2024_12.parquet", "2024_12_s01_e001.parquet"),
    (-0.4, -0.4, "1929-08-01", "n00_e000_1929_08.parquet", "1929_08_n00_e000.parquet"),
    (-90.0, 180.0, "2023-10-05", "s90_e180_2023_10.parquet", "2023_10_s90_e180.parquet"),
    (90.0, -180.0, "2023-10-05", "n90_w180_2023_10.parquet", "2023_10_n90_w180.parquet"),
]


@pytest.mark.parametrize(("latitude", "longitude", "date", "by_place", "by_month"), PLACES)
def test_a_chunk_is_named_for_its_place_and_month(
    latitude: float, longitude: float, date: str, by_place: str, by_month: str, tmp_path: Path
) -> None:
    source = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        rows = f"SELECT {latitude}::DOUBLE AS latitude, {longitude}::DOUBLE AS longitude, DATE '{date}' AS date"
        connection.execute(f"COPY ({rows}) TO '{source}' (FORMAT parquet)")
        for layout, name in ((BY_PLACE, by_place), (BY_MONTH, by_month)):
            into = tmp_path / layout
            into.mkdir()
            chunks.write(connection, layout, ["date", "latitude", "longitude"], source, into, 1)
            assert [path.name for path in into.iterdir()] == [name]


def clean_lines(job: dict[str, Any], lines: list[str], folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and reasons for lines of one GSOD station."""
    run = steps.start({**job, "max_reject_share": 1}, "run", work=str(folder))
    header = ",".join(f'"{column}"' for column in gsod.HEADER)
    unpacked = Path(run["folder"]) / "unpacked" / "2024.tar.gz"
    unpacked.mkdir(parents=True)
    (unpacked / "a.csv").write_bytes("".join(line + "\r\n" for line in [header, *lines]).encode("latin-1"))
    steps.clean({**job, "max_reject_share": 1}, run)
    with duckdb.connect() as connection:
        cursor = connection.execute("SELECT * FROM read_parquet(?)", [f"{run['folder']}/cleaned.parquet"])
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    with (Path(run["folder"]) / "rejects.csv").open(newline="") as file:
        return rows, [reject["reason"] for reject in csv.DictReader(file)]


def gsod_line(**changed: str) -> str:
    values = dict.fromkeys(gsod.HEADER, "")
    values |= {"STATION": "01001099999", "DATE": "2024-02-29", "LATITUDE": "70.9", "LONGITUDE": "-8.7"}
    values |= {"TEMP": "  31.3", "STP": "003.2", "FRSHTT": "010010", "NAME": "JAN MAYEN, NO"} | changed
    return ",".join('"' + value.replace('"', '""') + '"' for value in values.values())


VALUES = [
    ({}, {"temperature": 31.3, "station_pressure": 1003.2, "has_rain_or_drizzle": True, "has_fog": False}),
    ({"TEMP": "9999.9"}, {"temperature": None}),
    ({"TEMP": " 9999.90 "}, {"temperature": None}),
    ({"TEMP": "999.9"}, {"temperature": 999.9}),
    ({"TEMP": "  -0.0"}, {"temperature": 0.0}),
    ({"STP": "999.9"}, {"station_pressure": None}),
    ({"STP": "987.6"}, {"station_pressure": 987.6}),
    ({"PRCP": "99.99"}, {"precipitation": None}),
    ({"PRCP": " 0.00"}, {"precipitation": 0.0}),
    ({"ELEVATION": "-999.9"}, {"elevation": None}),
    ({"FRSHTT": ""}, {"has_fog": None, "has_thunder": None}),
    ({"FRSHTT": "111111"}, {"has_fog": True, "has_hail": True, "has_tornado_or_funnel_cloud": True}),
    ({"NAME": 'A "B", C'}, {"name": 'A "B", C'}),
]


@pytest.mark.parametrize(("changed", "wanted"), VALUES)
def test_values_are_read_as_published(
    changed: dict[str, str], wanted: dict[str, Any], jobs: dict[str, Any], tmp_path: Path
) -> None:
    rows, reasons = clean_lines(jobs[GSOD], [gsod_line(**changed)], tmp_path)
    assert reasons == []
    assert {column: rows[0][column] for column in wanted} == wanted


REFUSED = [
    (gsod_line(DATE="2023-02-29"), "date: '2023-02-29' is not a date"),
    (gsod_line(DATE="29.02.2024"), "date: '29.02.2024' is not a date"),
    (gsod_line(STATION=""), "station is missing"),
    (gsod_line(LATITUDE="", LONGITUDE=""), "latitude is missing; longitude is missing"),
    (gsod_line(LATITUDE="91"), "latitude: 91 is not between -90 and 90"),
    (gsod_line(TEMP="nan"), "temperature: 'nan' is not a number"),
    (gsod_line(TEMP="1e999"), "temperature: '1e999' is not a number"),
    (gsod_line(TEMP="31,3"), "temperature: '31,3' is not a number"),
    (gsod_line(FRSHTT="01001"), "FRSHTT: '01001' is not six digits of 0 and 1"),
    (gsod_line(FRSHTT="010012"), "FRSHTT: '010012' is not six digits of 0 and 1"),
    (gsod_line(NAME="S\xc3O PAULO"), "the line is not UTF-8 text"),
    (gsod_line() + ',"x"', "29 values where 28 are expected"),
    (gsod_line()[:-1], "the quotes do not match: unexpected end of data"),
    ('"01001099999"x,' + gsod_line(), "the quotes do not match: ',' expected after '\"'"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_a_refused_row_has_a_reason_and_spoils_no_other(
    line: str, reason: str, jobs: dict[str, Any], tmp_path: Path
) -> None:
    rows, reasons = clean_lines(jobs[GSOD], [gsod_line(), line, gsod_line()], tmp_path)
    assert (len(rows), reasons) == (2, [reason])


def test_the_pipeline_file_agrees_with_the_published_formats(jobs: dict[str, Any]) -> None:
    headers = {"aqs": aqs.HEADER, "gsod": gsod.HEADER}
    widths = {"aqs": (29, 25), "gsod": (28, 24)}
    assert len(jobs) == 5
    for job in jobs.values():
        assert tuple(job["header_raw"]) == headers[job["format"]]
        assert job["row"] == list(formats.FORMATS[job["format"]].kinds) == list(job["column_mappings"])
        assert (len(job["header_raw"]), len(job["row"])) == widths[job["format"]]
        assert job["min_chunksize"] == 250_000
        assert job["layout_names"] == [BY_PLACE, BY_MONTH]


def test_the_pipeline_file_has_no_problems(example: Path) -> None:
    airfleet = Path(sys.executable).with_name("airfleet")
    done = subprocess.run([airfleet, "check", "pipelines"], cwd=example, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr + done.stdout) == (0, "5 pipelines are fine\n")


def test_the_generator_writes_aqs_as_published(mirror: Path) -> None:
    with zipfile.ZipFile(next(mirror.rglob("daily_44201_2024.zip"))) as archive:
        assert archive.namelist() == ["daily_44201_2024.csv"]
        lines = archive.read("daily_44201_2024.csv").decode().splitlines()
    assert lines[0] == ",".join(f'"{column}"' for column in aqs.HEADER)
    assert re.fullmatch(
        r'"\d\d","\d{3}","\d{4}","44201",1,-?[\d.]+,-?[\d.]+,"(WGS84|NAD83)","Ozone","8-HR RUN AVG BEGIN HOUR",'
        r'"Ozone 8-hour 2015","2024-\d\d-\d\d","Parts per million","None",\d+,\d+\.\d,[\d.]+,0\.\d{3},\d+,\d+,'
        r'"","[ -]+","[^"]*","[^"]+","[^"]+","[^"]+","[^"]+","[^"]+","2025-\d\d-\d\d"',
        lines[1],
    )


def test_the_generator_writes_gsod_as_published(mirror: Path) -> None:
    with tarfile.open(next(mirror.rglob("2024.tar.gz"))) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            lines = content.read().decode().splitlines()
            assert lines[0] == ",".join(f'"{column}"' for column in gsod.HEADER)
            row = dict(zip(gsod.HEADER, next(csv.reader(io.StringIO(lines[1]))), strict=True))
            assert member.name == f"{row['STATION']}.csv"
            assert len(row["STATION"]) == 11
            assert [len(row[c]) for c in ("TEMP", "SLP", "STP", "VISIB", "PRCP", "SNDP")] == [6, 6, 5, 5, 5, 5]


def test_the_same_arguments_give_the_same_archives(mirror: Path, tmp_path: Path) -> None:
    sample.write(tmp_path, rows=3000, seed=3, datasets=("ozone", "so2", "gsod"), bad=16)
    names = [path.relative_to(mirror) for path in mirror.rglob("*") if path.is_file()]
    assert len(names) == 8
    assert filecmp.cmpfiles(mirror, tmp_path, names, shallow=False) == (names, [], [])


@pytest.mark.parametrize(("rows", "bad"), [(2, 0), (731, 1), (5000, 37)])
def test_as_many_rows_as_asked_for(rows: int, bad: int, tmp_path: Path) -> None:
    sample.write(tmp_path, rows=rows, seed=1, datasets=("co", "gsod"), bad=bad)
    counted = {"zip": 0, "gz": 0}
    for path in tmp_path.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            counted["zip"] += archive.read(archive.namelist()[0]).count(b"\n") - 1
    for path in tmp_path.rglob("*.tar.gz"):
        with tarfile.open(path) as tar:
            counted["gz"] += sum(tar.extractfile(m).read().count(b"\n") - 1 for m in tar)  # type: ignore[union-attr]
    assert counted == {"zip": rows + bad, "gz": rows + bad}


def test_the_samples_in_the_repository_are_what_the_readme_says(example: Path, tmp_path: Path) -> None:
    readme = (example / "README.md").read_text()
    found = re.search(r"python -m air_quality\.sample (--rows .*) --out data$", readme, re.MULTILINE)
    assert found is not None
    sample.main([*found[1].split(), "--out", str(tmp_path)])
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    kept = [path.relative_to(example / "data") for path in (example / "data").rglob("*") if path.is_file()]
    assert sorted(made) == sorted(kept)
    for name in made:
        assert unpacked(tmp_path / name) == unpacked(example / "data" / name), name
    assert sum((example / "data" / name).stat().st_size for name in kept) < 400_000


def unpacked(path: Path) -> Any:
    """What an archive holds; how small zlib makes it differs between its versions."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    if path.suffix == ".gz":
        with tarfile.open(path) as tar:
            return [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]  # type: ignore[union-attr]
    return re.sub(r"\d+ KB|<td>\d+</td>", "", path.read_text())


def test_the_server_prints_its_address_and_stops_when_told(mirror: Path, example: Path) -> None:
    command = [sys.executable, "-m", "air_quality.serve", "--dir", str(mirror), "--port", "0", "--quiet"]
    with subprocess.Popen(command, cwd=example, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}/{sample.GSOD_FOLDER}/") as response:
            assert b'href="2024.tar.gz"' in response.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def output(jobs: dict[str, Any], mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored results of two jobs."""
    folder = tmp_path_factory.mktemp("charted")
    for name in (OZONE, GSOD):
        job = jobs[name]
        run = steps.start(job, "run", str(mirror), f"{folder}/work", f"{folder}/output", 400)
        fetched, cleaned, _, _ = (step(job, run) for step in (steps.fetch, steps.clean, steps.sort, steps.chunk))
        steps.store(job, run, fetched, cleaned)
    return folder / "output"


def test_the_chart_shows_what_was_stored_and_is_the_same_every_time(output: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / "a.png", tmp_path / "a.svg", tmp_path / "b.png", tmp_path / "b.svg"]
    for picture in pictures:
        assert chart.main([str(output), "-o", str(picture), "--job", OZONE, "--job", GSOD]) == 0
    assert pictures[0].read_bytes() == pictures[2].read_bytes()
    assert pictures[1].read_bytes() == pictures[3].read_bytes()
    drawn = pictures[1].read_text()
    for text in ("Ozone, daily maximum", "parts per million", "Temperature, daily mean", "north", "south"):
        assert text in drawn


def test_the_chart_of_a_job_that_is_not_there_says_so(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chart.main([str(output), "-o", str(tmp_path / "a.png"), "--job", "pm25"]) == 1
    assert capsys.readouterr().err == f"{output} holds no result of pm25\n"


def test_the_line_is_the_mean_of_the_days_around() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(100)]
    values = [float(n) for n in range(100)]
    line = chart.rolling(chart.Series("", "", days, values, values, values))
    assert line[50] == 50.0
    assert line[0] == sum(range(16)) / 16
    assert line[-1] == sum(range(84, 100)) / 16
