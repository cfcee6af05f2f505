"""Sorted rows in chunk files: whole partitions, together until a chunk is large enough.

A *partition* is one place (latitude and longitude to the nearest degree) in one month. A *layout*
says which comes first. In a layout's order, neighbouring partitions share a file until it has
``min_chunksize`` rows; what is left over at the end goes to the last file. So a partition is never
split, every file but a lone one is large enough, and the same rows give the same files::

    approxlat_approxlng_yyyy_mm/n34_w118_2023_01--n34_w118_2024_02.parquet
    yyyy_mm_approxlat_approxlng/2023_01_n34_w118--2023_01_n41_w088.parquet
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from air_quality import duck

#: how rows stand inside a chunk, and in the sorted file
ORDER = ("latitude", "longitude", "date")

#: layout -> the keys of a partition, most significant first
KEYS = {
    "approxlat_approxlng_yyyy_mm": ("lat", "lng", "month"),
    "yyyy_mm_approxlat_approxlng": ("month", "lat", "lng"),
}
#: half degrees go away from zero; a month is year * 100 + month
_EXPRESSIONS = {
    "lat": "CAST(round(latitude) AS BIGINT)",
    "lng": "CAST(round(longitude) AS BIGINT)",
    "month": "(year(date) * 100 + month(date))",
}
#: what to add so that a key is not negative, and how many values it can have then
_RANGES = {"lat": (90, 181), "lng": (180, 361), "month": (0, 1_000_000)}


@dataclass(frozen=True)
class Partition:
    """One place in one month: its keys in the order of a layout as one number, and its rows."""

    key: int
    rows: int


@dataclass(frozen=True)
class Chunk:
    """Neighbouring partitions that share a file."""

    layout: str
    first: int
    last: int
    rows: int
    partitions: int

    @property
    def name(self) -> str:
        """The file's name; says which partitions it begins and ends with."""
        first, last = _label(self.layout, self.first), _label(self.layout, self.last)
        return f"{first}.parquet" if first == last else f"{first}--{last}.parquet"


def plan(layout: str, partitions: Iterable[Partition], min_rows: int) -> list[Chunk]:
    """Which partitions share a file. ``partitions`` come in the order of the layout."""
    groups: list[list[Partition]] = []
    rows = min_rows
    for partition in partitions:
        if rows >= min_rows:
            groups.append([])
            rows = 0
        groups[-1].append(partition)
        rows += partition.rows
    if len(groups) > 1 and rows < min_rows:
        rest = groups.pop()
        groups[-1].extend(rest)
    return [_chunk(layout, group) for group in groups]


def write(
    connection: duckdb.DuckDBPyConnection, layout: str, columns: Sequence[str], source: Path, into: Path, min_rows: int
) -> list[Chunk]:
    """Write the chunk files of one layout into the folder ``into``, which is there and empty."""
    keyed = into / ".keyed.parquet"
    number = _number(layout)
    select = f'SELECT *, {number} AS "?key" FROM {duck.parquet(source)} ORDER BY "?key", {order(columns)}'
    connection.execute(f"COPY ({select}) TO {duck.text(keyed)} {duck.PARQUET}")
    counted = f'SELECT "?key", count(*) FROM {duck.parquet(keyed)} GROUP BY ALL ORDER BY ALL'
    found = connection.execute(counted).fetchall()
    chunks = plan(layout, (Partition(int(key), int(rows)) for key, rows in found), min_rows)
    for chunk in chunks:
        _write_chunk(connection, chunk, columns, keyed, into / chunk.name)
    keyed.unlink()
    return chunks


def order(columns: Sequence[str]) -> str:
    """``ORDER BY`` for rows that stand the same way every time: place, day, then everything else."""
    return ", ".join(duck.name(column) for column in [*ORDER, *(c for c in columns if c not in ORDER)])


def _write_chunk(
    connection: duckdb.DuckDBPyConnection, chunk: Chunk, columns: Sequence[str], keyed: Path, target: Path
) -> None:
    # rows stand by key, so DuckDB skips the row groups of other chunks
    where = f'"?key" BETWEEN {chunk.first} AND {chunk.last}'
    names = ", ".join(duck.name(column) for column in columns)
    query = f"SELECT {names} FROM {duck.parquet(keyed)} WHERE {where} ORDER BY {order(columns)}"
    connection.execute(f"COPY ({query}) TO {duck.text(target)} {duck.PARQUET}")


def _number(layout: str) -> str:
    """A partition's keys as one number that sorts as they do."""
    number = "0"
    for key in KEYS[layout]:
        add, values = _RANGES[key]
        number = f"({number} * {values} + {_EXPRESSIONS[key]} + {add})"
    return number


def _keys(layout: str, number: int) -> dict[str, int]:
    """The keys that :func:`_number` made one of."""
    keys = {}
    for key in reversed(KEYS[layout]):
        add, values = _RANGES[key]
        number, rest = divmod(number, values)
        keys[key] = rest - add
    return keys


def _chunk(layout: str, group: Sequence[Partition]) -> Chunk:
    return Chunk(layout, group[0].key, group[-1].key, sum(p.rows for p in group), len(group))


def _label(layout: str, number: int) -> str:
    keys = _keys(layout, number)
    return "_".join(_PARTS[key](keys[key]) for key in KEYS[layout])


_PARTS: dict[str, Callable[[int], str]] = {
    "lat": lambda degrees: f"{'s' if degrees < 0 else 'n'}{abs(degrees):02d}",
    "lng": lambda degrees: f"{'w' if degrees < 0 else 'e'}{abs(degrees):03d}",
    "month": lambda month: f"{month // 100:04d}_{month % 100:02d}",
}
