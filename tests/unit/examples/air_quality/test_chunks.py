"""Chunks: partitions share a file until it is large enough, and files are named for place and month."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from air_quality import chunks
from air_quality.chunks import Partition

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
