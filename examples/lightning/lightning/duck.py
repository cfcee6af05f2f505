"""The aggregation by DuckDB: for a machine without Java, and for one where it is quicker.

The rows go into a table in a file of the run's folder, so memory stays bounded; what cannot be read
as a tile is kept with its line and stops the run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from lightning import results
from lightning.errors import MalformedRows
from lightning.tiles import NCEI, Format, check_head

MEMORY = "512MB"
THREADS = 2

_NCEI = "SELECT day, longitude, latitude, strikes FROM raw"
_POINT = r"'^POINT ?\((-?[0-9.]+) (-?[0-9.]+)\)$'"
_BIGQUERY = f"""SELECT day, strikes, TRY_CAST(regexp_extract(place, {_POINT}, 1) AS DOUBLE) AS longitude,
    TRY_CAST(regexp_extract(place, {_POINT}, 2) AS DOUBLE) AS latitude FROM raw"""
_COLUMNS = {
    "ncei": "{'day': 'DATE', 'longitude': 'DOUBLE', 'latitude': 'DOUBLE', 'strikes': 'BIGINT'}",
    "bigquery": "{'day': 'DATE', 'strikes': 'BIGINT', 'place': 'VARCHAR'}",
}


def aggregate(raw: Path, out: Path, form: Format, year: int, memory: str = MEMORY) -> dict[str, Any]:
    """Write the results of the year's tiles in ``raw`` to the folder ``out``; its summary.

    Raises:
        MalformedRows: some lines are no tiles of the year.
    """
    draft, spill = out.with_name(out.name + ".new"), out.with_name("spill")
    for folder in (draft, spill):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    settings: dict[str, Any] = {
        "memory_limit": memory, "threads": THREADS, "temp_directory": str(spill), "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }  # fmt: skip
    with duckdb.connect(str(spill / "tiles.duckdb"), config=settings) as db:
        db.execute("SET enable_progress_bar = false")  # a log is no terminal
        rows = _read(db, raw, form, year)
        for name, query in results.QUERIES.items():
            _write(db, query, draft / name)
        strikes, listed = _one(db, "SELECT coalesce(sum(strikes), 0)::BIGINT, count(*) FROM cells")
    results.write_summary(draft, rows=rows, strikes=strikes)
    results.put_in_place(draft, out)
    shutil.rmtree(spill, ignore_errors=True)
    print(f"{rows:,} rows of {listed:,} tiles")
    return {"rows": rows, "strikes": strikes}


def _read(db: duckdb.DuckDBPyConnection, raw: Path, form: Format, year: int) -> int:
    """Make the tables ``days`` and ``cells``; how many rows there were."""
    source = f"""read_csv({_text(raw)}, columns = {_COLUMNS[form.name]}, header = false, auto_detect = false,
        delim = ',', quote = '"', escape = '"', new_line = '\\n', skip = {check_head(raw, form)},
        dateformat = '{"%Y%m%d" if form is NCEI else "%Y-%m-%d"}', store_rejects = true, rejects_limit = 100)"""
    db.execute(f"CREATE TABLE raw AS SELECT * FROM {source}")
    _refuse_rejects(db)
    db.execute(f"CREATE TABLE tiles AS {_NCEI if form is NCEI else _BIGQUERY}")
    db.execute("DROP TABLE raw")
    wrong = f"({results.IS_A_TILE.format(year=year)}) IS NOT TRUE"
    bad, rows = _one(db, f"SELECT count(*) FILTER (WHERE {wrong}), count(*) FROM tiles")
    if bad:
        (first,) = _one(db, f"SELECT COLUMNS(*)::VARCHAR FROM (SELECT tiles::VARCHAR FROM tiles WHERE {wrong} LIMIT 1)")
        raise MalformedRows(results.malformed(bad, str(first), year))
    db.execute(f"CREATE TABLE days AS {results.DAYS}")
    db.execute(f"CREATE TABLE cells AS {results.CELLS}")
    return int(rows)


def _refuse_rejects(db: duckdb.DuckDBPyConnection) -> None:
    found = db.execute("SELECT line, csv_line, error_message FROM reject_errors ORDER BY line LIMIT 1").fetchone()
    if found:
        (count,) = _one(db, "SELECT count(DISTINCT line) FROM reject_errors")
        line, text, _ = found
        raise MalformedRows(results.malformed(count, f"line {line}: {text}"))


def _write(db: duckdb.DuckDBPyConnection, query: str, folder: Path) -> None:
    folder.mkdir()
    db.execute(f"COPY ({query}) TO {_text(folder / 'part-00000.csv')} (FORMAT csv, HEADER true)")


def _one(db: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = db.execute(query).fetchone()
    assert row is not None
    return row


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
