"""Archives to try the pipeline on: ``python -m air_quality.sample --rows N --seed S --out DIR``.

The values are made up; the places, the columns, the quoting, the archives and the pages that link to
them are like the publishers'. The folder is a mirror (see :mod:`air_quality.pages`)::

    DIR/aqs.epa.gov/aqsweb/airdata/download_files.html  daily_44201_2023.zip  daily_44201_2024.zip  ...
    DIR/www.ncei.noaa.gov/data/global-summary-of-the-day/archive/index.html  2023.tar.gz  2024.tar.gz

The same arguments give the same bytes. Memory does not grow with the number of rows.
"""

from __future__ import annotations

import argparse
import gzip
import io
import itertools
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from air_quality.generate import aqs, gsod
from air_quality.generate.series import day_count

AQS_FOLDER = "aqs.epa.gov/aqsweb/airdata"
GSOD_FOLDER = "www.ncei.noaa.gov/data/global-summary-of-the-day/archive"
DATASETS = {"ozone": "44201", "so2": "42401", "co": "42101", "no2": "42602", "gsod": ""}

_ZIP_TIME = (2025, 3, 1, 12, 0, 0)
_TAR_TIME = 1_740_830_400  # seconds since 1970; the same moment


def write(
    out: Path,
    rows: int,
    seed: int,
    years: Iterable[int] = (2023, 2024),
    datasets: Iterable[str] = DATASETS,
    bad: int = 0,
) -> list[Path]:
    """Write archives with ``rows`` good and ``bad`` bad rows per data set, and the pages; the archives' paths."""
    years, written = sorted(years), []
    for dataset in datasets:
        shares = zip(years, _shares(rows, years), _shares(bad, years), strict=True)
        for year, good_rows, bad_rows in shares:
            if dataset == "gsod":
                written.append(_write_gsod(out / GSOD_FOLDER / f"{year}.tar.gz", year, good_rows, bad_rows, seed))
            else:
                code = DATASETS[dataset]
                path = out / AQS_FOLDER / f"daily_{code}_{year}.zip"
                written.append(_write_aqs(path, aqs.POLLUTANTS[code], year, good_rows, bad_rows, seed))
    _write_pages(out)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Write what the command line asks for, and say how large it is."""
    parser = argparse.ArgumentParser(prog="air_quality.sample", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, required=True, help="good rows per data set, over all years")
    parser.add_argument("--seed", type=int, default=1, help="other seeds give other values")
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--years", type=int, nargs="+", default=[2023, 2024])
    parser.add_argument("--datasets", nargs="+", choices=sorted(DATASETS), default=list(DATASETS))
    parser.add_argument("--bad-rows", type=int, default=0, help="rows per data set that make no sense")
    options = parser.parse_args(arguments)
    if options.rows < len(options.years):
        parser.error("--rows must be at least one for each year")
    for path in write(options.out, options.rows, options.seed, options.years, options.datasets, options.bad_rows):
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


def _shares(rows: int, years: list[int]) -> list[int]:
    """``rows`` split over the years by their days; what remains goes to the first ones."""
    total = sum(map(day_count, years))
    shares = [rows * day_count(year) // total for year in years]
    for position in range(rows - sum(shares)):
        shares[position] += 1
    return shares


def _write_aqs(path: Path, pollutant: aqs.Pollutant, year: int, rows: int, bad: int, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    info = zipfile.ZipInfo(f"daily_{pollutant.code}_{year}.csv", _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    lines = _with_bad_rows(aqs.lines(pollutant, year, rows, seed), rows, bad, _bad_aqs)
    with zipfile.ZipFile(path, "w", compresslevel=6) as archive, archive.open(info, "w", force_zip64=True) as member:
        for line in itertools.chain([aqs.header()], lines):
            member.write(line.encode() + b"\n")
    return path


def _write_gsod(path: Path, year: int, rows: int, bad: int, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    done = spoilt = 0
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=_TAR_TIME) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for station, lines in gsod.stations(year, rows, seed):
            done += len(lines)
            due = bad * done // max(rows, 1) - spoilt
            body = _with_bad_rows(lines, len(lines), due, _bad_gsod, spoilt)
            _add(archive, f"{station.id}.csv", "\n".join([gsod.header(), *body, ""]).encode())
            spoilt += due
    return path


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), _TAR_TIME, 0o644
    archive.addfile(info, io.BytesIO(data))


def _with_bad_rows(lines: Iterable[str], rows: int, bad: int, spoil: Spoil, first: int = 0) -> Iterator[str]:
    """The lines, with ``bad`` spoilt copies of some of them in between."""
    added = 0
    for position, line in enumerate(lines, start=1):
        yield line
        while added < bad and added < bad * position // rows:
            yield spoil(line, first + added)
            added += 1


class Spoil:
    """Ways in which a good line becomes a bad one, taken in turn."""

    def __init__(self, *ways: tuple[int, str | None]) -> None:
        #: column to replace and by what; a negative column spoils the line's shape
        self.ways = ways

    def __call__(self, line: str, number: int) -> str:
        """The line, spoilt in the way whose turn it is."""
        column, value = self.ways[number % len(self.ways)]
        if value is None:
            return line.rpartition(",")[0] if column == -1 else line + ',"more"' if column == -2 else line[:-1]
        return _replace(line, column, value)


_bad_aqs = Spoil(
    (5, "north"), (11, '"2024-02-31"'), (-1, None), (19, "high"), (6, "-1180.2"), (-2, None), (16, '"#N/A"'), (-3, None)
)  # fmt: skip
_bad_gsod = Spoil(
    (2, '""'), (1, '"2023-13-01"'), (-1, None), (27, '"01x000"'), (3, '"361.0"'), (-2, None), (6, '"cold"'), (-3, None)
)  # fmt: skip


def _replace(line: str, column: int, value: str) -> str:
    """A line with one value replaced; commas inside quotes do not count."""
    parts, inside = [""], False
    for character in line:
        if character == "," and not inside:
            parts.append("")
            continue
        inside ^= character == '"'
        parts[-1] += character
    parts[column] = value
    return ",".join(parts)


def _write_pages(out: Path) -> None:
    """The pages that link to whatever archives are in the folder."""
    if (out / AQS_FOLDER).is_dir():
        (out / AQS_FOLDER / "download_files.html").write_text(_aqs_page(out / AQS_FOLDER))
    if (out / GSOD_FOLDER).is_dir():
        (out / GSOD_FOLDER / "index.html").write_text(_gsod_page(out / GSOD_FOLDER))


def _aqs_page(folder: Path) -> str:
    codes = [code for code in DATASETS.values() if code]
    names = "".join(f"<th>{aqs.POLLUTANTS[code].name} ({code})</th>" for code in codes)
    years = sorted({path.stem.rpartition("_")[2] for path in folder.glob("daily_*.zip")}, reverse=True)
    rows = "\n".join(
        f"<tr><td>{year}</td>{''.join(_aqs_cell(folder / f'daily_{code}_{year}.zip') for code in codes)}</tr>"
        for year in years
    )
    return (
        "<!DOCTYPE html>\n<html><head><title>Pre-generated data files</title></head><body>\n"
        '<p><a href="#daily">Daily summary data</a> | <a href="https://www.epa.gov/">EPA</a></p>\n'
        f'<h2 id="daily">Daily summary data</h2>\n<table>\n<tr><th>Year</th>{names}</tr>\n{rows}\n</table>\n'
        "</body></html>\n"
    )


def _aqs_cell(path: Path) -> str:
    if not path.exists():
        return "<td></td>"
    return f'<td><a href="{path.name}">{path.name}</a><br>{path.stat().st_size / 1000:,.0f} KB</td>'


def _gsod_page(folder: Path) -> str:
    rows = "\n".join(
        f'<tr><td><a href="{path.name}">{path.name}</a></td><td>2025-03-01 12:00</td>'
        f"<td>{path.stat().st_size}</td></tr>"
        for path in sorted(folder.glob("*.tar.gz"))
    )
    title = "Index of /data/global-summary-of-the-day/archive"
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n<table>\n"
        '<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th>'
        '<th><a href="?C=S;O=A">Size</a></th></tr>\n'
        f'<tr><td><a href="../">Parent Directory</a></td></tr>\n{rows}\n</table>\n</body></html>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
