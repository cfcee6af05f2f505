"""Values and rows of both formats are read as published; a refused row has a reason."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest

from air_quality import formats, steps
from air_quality.formats import aqs, gsod

OZONE, GSOD = "epa_aqs_ozone_daily_summary", "noaa_global_summary_of_day"


BY_PLACE, BY_MONTH = "approxlat_approxlng_yyyy_mm", "yyyy_mm_approxlat_approxlng"


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
