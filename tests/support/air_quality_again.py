"""The air-quality results computed a second time, from the archives, row by row in plain Python.

Shares no code with the example: the archives are read with ``csv``, ``zipfile`` and ``tarfile``, the
rules are written here again from the published formats, and DuckDB is only used to open Parquet files.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
import json
import math
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

Row = tuple[Any, ...]
_DUCKDB = duckdb.connect(config={"threads": 1})

#: approximate latitude, approximate longitude, year, month
Place = tuple[int, int, int, int]

INTEGERS = {"aqi", "max_hour", "observation_count"}
DATES = {"date", "date_last_changed"}
NUMBERS = {
    "latitude", "longitude", "mean_value", "max_value", "observation_percent", "elevation", "temperature",
    "max_temperature", "min_temperature", "dew_point", "sea_level_pressure", "station_pressure", "visibility",
    "wind_speed", "max_wind_speed_sustained", "max_wind_speed_gust", "precipitation", "snow_depth",
}  # fmt: skip
REQUIRED = {"date", "latitude", "longitude", "station"}


class Unusable(Exception):
    """A row that must be rejected."""


@dataclass
class Expected:
    """The contents of the archives."""

    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    #: file and line of every row that must be rejected
    rejected: set[tuple[str, int]] = field(default_factory=set)

    @property
    def places(self) -> Counter[Place]:
        """Rows per partition."""
        return Counter(place_of(self.columns, row) for row in self.rows)

    @property
    def sums(self) -> dict[str, float]:
        """Exact sums of the number columns, and how many are true of the others."""
        found = {}
        for position, column in enumerate(self.columns):
            values = [row[position] for row in self.rows if row[position] is not None]
            if column in NUMBERS | INTEGERS or column.startswith("has_"):
                found[column] = math.fsum(values)
        return found

    @property
    def nulls(self) -> dict[str, int]:
        """How many values are missing, by column."""
        return {c: sum(row[i] is None for row in self.rows) for i, c in enumerate(self.columns)}


def compare(
    output_dir: Path, source_files: Iterable[Path], job: Mapping[str, Any], min_chunksize: int | None = None
) -> Expected:
    """Assert that what ``job`` stored under ``output_dir`` is what ``source_files`` hold; the expectation.

    ``output_dir`` is the folder that holds the buckets; ``job`` is the entry of ``jobs:`` as the YAML
    has it; ``min_chunksize`` is what the run was given instead of the job's own.
    """
    expected = expect(source_files, job)
    folder = output_dir / job["bucket"] / job["folder"]
    manifest = json.loads((folder / "manifest.json").read_text())
    _compare_manifest(folder, manifest, expected, job)
    _compare_rejects(folder, expected)
    for layout in job["layout_names"]:
        _compare_layout(folder / "default" / layout, layout, manifest, expected, min_chunksize or job["min_chunksize"])
    return expected


def read_job(pipeline: Path, name: str) -> dict[str, Any]:
    """Give one entry of ``jobs:`` of the pipeline file."""
    jobs = yaml.safe_load(pipeline.read_text())["jobs"]
    found: dict[str, Any] = next(job for job in jobs if job["name"] == name)
    return found


def expect(source_files: Iterable[Path], job: Mapping[str, Any]) -> Expected:
    """Read the archives by the rules of the published formats."""
    expected = Expected(list(job["row"]))
    for archive in sorted(source_files):
        for name, text in _members(archive):
            lines = text.split("\n")
            assert next(csv.reader([lines[0]])) == list(job["header_raw"]), name
            for number, line in enumerate(lines[1:], start=2):
                if not line:
                    continue
                try:
                    expected.rows.append(_row(line, job))
                except Unusable:
                    expected.rejected.add((f"{archive.name}/{name}", number))
    return expected


def read_parquet(path: Path) -> tuple[list[str], list[Row]]:
    """Column names and rows, in the order of the file."""
    cursor = _DUCKDB.execute("SELECT * FROM read_parquet(?)", [str(path)])
    return [column[0] for column in cursor.description or ()], cursor.fetchall()


def place_of(columns: Sequence[str], row: Row) -> Place:
    """Give the partition that a row belongs to."""
    day = row[columns.index("date")]
    return _degree(row[columns.index("latitude")]), _degree(row[columns.index("longitude")]), day.year, day.month


def _members(archive: Path) -> Iterator[tuple[str, str]]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                yield name, opened.read(name).decode()
        return
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
        for info in opened.getmembers():
            content = opened.extractfile(info)
            assert content is not None
            yield info.name, content.read().decode()


def _row(line: str, job: Mapping[str, Any]) -> Row:
    try:
        values = next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise Unusable(line) from error
    if len(values) != len(job["header_raw"]):
        raise Unusable(line)
    raw = dict(zip(job["header_raw"], values, strict=True))
    return tuple(_value(column, job["column_mappings"][column], raw, job) for column in job["row"])


def _value(column: str, source: str, raw: Mapping[str, str], job: Mapping[str, Any]) -> Any:
    digit = re.search(r"\[(\d)\]$", source)
    name = source[: digit.start()] if digit else source
    text = raw[name].strip()
    if text == "" or _is_missing(text, job.get("missing", {}).get(name, [])):
        if column in REQUIRED:
            raise Unusable(column)
        return None
    if digit:
        return _flags(text)[int(digit[1])]
    return _typed(column, name, text)


def _typed(column: str, name: str, text: str) -> Any:
    try:
        if column in DATES:
            return dt.date.fromisoformat(text)
        if column in INTEGERS:
            return int(text)
        if column in NUMBERS:
            return _number(column, name, text)
    except ValueError as error:
        raise Unusable(text) from error
    return text


def _number(column: str, name: str, text: str) -> float:
    value = float(text)
    # millibars are published in five characters, so 1003.2 is written 003.2
    if name == "STP" and value < 100:
        value += 1000
    limit = {"latitude": 90, "longitude": 180}.get(column)
    if limit is not None and abs(value) > limit:
        raise Unusable(text)
    return value


def _is_missing(text: str, nines: Sequence[Any]) -> bool:
    if text in nines:
        return True
    try:
        return any(float(text) == nine for nine in nines if not isinstance(nine, str))
    except ValueError:
        return False


def _flags(text: str) -> list[bool]:
    if len(text) != 6 or set(text) - {"0", "1"}:
        raise Unusable(text)
    return [digit == "1" for digit in text]


def _degree(value: float) -> int:
    """Round to the nearest degree; a half goes away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _compare_manifest(folder: Path, manifest: Mapping[str, Any], expected: Expected, job: Mapping[str, Any]) -> None:
    assert manifest["job"] == job["name"]
    assert manifest["columns"] == expected.columns
    assert manifest["rows"] == len(expected.rows)
    assert manifest["rejected"] == len(expected.rejected)
    assert manifest["rows_in"] == len(expected.rows) + len(expected.rejected)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    named = {entry["name"] for entry in manifest["files"]}
    assert present - {"manifest.json", "chart.png", "chart.svg"} == named
    for entry in manifest["files"]:
        data = (folder / entry["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"]), entry["name"]


def _compare_rejects(folder: Path, expected: Expected) -> None:
    with (folder / "rejects" / "rejects.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert {(reject["file"], int(reject["line"])) for reject in rejects} == expected.rejected
    assert len(rejects) == len(expected.rejected)
    assert all(reject["reason"] and reject["row"] for reject in rejects)


def _compare_layout(
    folder: Path, layout: str, manifest: Mapping[str, Any], expected: Expected, min_chunksize: int
) -> None:
    rows: Counter[Row] = Counter()
    chunk_of: dict[Place, str] = {}
    places: Counter[Place] = Counter()
    counts = {}
    for path in sorted(folder.glob("*.parquet")):
        columns, found = read_parquet(path)
        assert columns == expected.columns, path.name
        here = Counter(place_of(columns, row) for row in found)
        _compare_chunk(path.name, layout, columns, found, here)
        assert not chunk_of.keys() & here.keys(), f"{path.name}: a partition is in two chunks"
        chunk_of.update(dict.fromkeys(here, path.name))
        rows.update(found)
        places.update(here)
        counts[path.name] = len(found)
    assert places == expected.places
    assert rows == Counter(expected.rows)
    assert _sums(expected.columns, rows) == expected.sums
    said = {e["name"].rsplit("/", 1)[1]: e["rows"] for e in manifest["files"] if f"default/{layout}/" in e["name"]}
    assert counts == said
    assert len(counts) == 1 or min(counts.values()) >= min_chunksize
    _compare_neighbours(layout, chunk_of)


def _compare_chunk(name: str, layout: str, columns: Sequence[str], rows: Sequence[Row], here: Counter[Place]) -> None:
    keys = [tuple(row[columns.index(c)] for c in ("latitude", "longitude", "date")) for row in rows]
    assert keys == sorted(keys), f"{name} is not sorted"
    ordered = sorted(here, key=lambda place: _in_layout(layout, place))
    first, last = _label(layout, ordered[0]), _label(layout, ordered[-1])
    assert name == (f"{first}.parquet" if first == last else f"{first}--{last}.parquet")


def _compare_neighbours(layout: str, chunk_of: Mapping[Place, str]) -> None:
    """Put the partitions of a chunk in the order of the layout."""
    ordered = [chunk_of[place] for place in sorted(chunk_of, key=lambda place: _in_layout(layout, place))]
    changes = sum(a != b for a, b in itertools.pairwise(ordered))
    assert changes == len(set(ordered)) - 1


def _in_layout(layout: str, place: Place) -> tuple[int, ...]:
    latitude, longitude, year, month = place
    return (latitude, longitude, year, month) if layout.startswith("approxlat") else (year, month, latitude, longitude)


def _label(layout: str, place: Place) -> str:
    latitude, longitude, year, month = place
    where = f"{'s' if latitude < 0 else 'n'}{abs(latitude):02d}_{'w' if longitude < 0 else 'e'}{abs(longitude):03d}"
    when = f"{year:04d}_{month:02d}"
    return f"{where}_{when}" if layout.startswith("approxlat") else f"{when}_{where}"


def _sums(columns: Sequence[str], rows: Counter[Row]) -> dict[str, float]:
    return Expected(list(columns), list(rows.elements())).sums
