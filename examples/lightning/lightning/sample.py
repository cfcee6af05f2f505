"""Tiles to try the pipeline on: ``python -m lightning.sample --rows N --years 2022 2023 --out DIR``.

The strikes are made up (see :mod:`lightning.weather`); the files are like the published ones:

- ``ncei``: ``nldn-tiles-2023.csv.gz``, comment lines, then day, longitude, latitude, count;
- ``bigquery``: ``lightning_2023.csv``, the rows of a table ``noaa_lightning.lightning_2023``.

The same arguments give the same bytes. Memory does not grow with the number of rows.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from lightning import weather
from lightning.tiles import BIGQUERY, NCEI, Format

_LONGITUDES = {int(tenths): str(tenths / 10) for tenths in weather.LONGITUDES}
_LATITUDES = {int(tenths): str(tenths / 10) for tenths in weather.LATITUDES}
_COMMENT = "#Daily counts of strikes on the ground in tiles of a tenth of a degree. Made up: not measured by anybody.\n"


def write(out: Path, year: int, rows: int, seed: int, form: Format = NCEI) -> Path:
    """Write ``rows`` tiles of ``year`` into the folder ``out``; the file's path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / form.file_name(year)
    head, line = (_COMMENT + form.header, _ncei_line) if form is NCEI else (form.header, _bigquery_line)
    with path.open("wb") as file:
        if path.suffix != ".gz":
            _write_lines(file.write, head, _texts(year, rows, seed, line))
        else:
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                _write_lines(packed.write, head, _texts(year, rows, seed, line))
    return path


def main(arguments: list[str] | None = None) -> int:
    """Write what the command line asks for, and say how large it is."""
    parser = argparse.ArgumentParser(prog="lightning.sample", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, required=True, help="tiles a year")
    parser.add_argument("--years", type=int, nargs="+", default=[2023])
    parser.add_argument("--seed", type=int, default=1, help="other seeds give other strikes")
    parser.add_argument("--format", choices=(NCEI.name, BIGQUERY.name), default=NCEI.name)
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    options = parser.parse_args(arguments)
    if not 1 <= options.rows <= weather.MOST_ROWS:
        parser.error(f"--rows must be 1 to {weather.MOST_ROWS:,}, all tiles of a year; name more --years for more")
    form = NCEI if options.format == NCEI.name else BIGQUERY
    for year in options.years:
        path = write(options.out, year, options.rows, options.seed, form)
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


def _write_lines(put: Callable[[bytes], object], head: str, texts: Iterator[str]) -> None:
    put(head.encode() + b"\n")
    for text in texts:
        put(text.encode())


Line = Callable[[str, str, str, int], str]


def _texts(year: int, rows: int, seed: int, line: Line) -> Iterator[str]:
    """The lines of a day at a time."""
    for day in weather.days(year, rows, seed):
        date = day.date.isoformat()
        columns = zip(day.longitudes.tolist(), day.latitudes.tolist(), day.strikes.tolist(), strict=True)
        yield "".join([line(date, _LONGITUDES[east], _LATITUDES[north], strikes) for east, north, strikes in columns])


def _ncei_line(date: str, longitude: str, latitude: str, strikes: int) -> str:
    return f"{date.replace('-', '')},{longitude},{latitude},{strikes}\n"


def _bigquery_line(date: str, longitude: str, latitude: str, strikes: int) -> str:
    return f"{date},{strikes},POINT({longitude} {latitude})\n"


if __name__ == "__main__":
    sys.exit(main())
