"""The results of a year: what they are, the manifest that says they are whole, and the check of it.

::

    daily/*.csv     day,strikes,tiles
    monthly/*.csv   month,strikes
    tiles/*.csv     longitude,latitude,strikes,days
    summary.json    rows and strikes, as the engine counted them
    _SUCCESS        the manifest: bytes and SHA-256 of every file; written last

Both engines run the queries below, so their results are the same rows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning.errors import HalfWritten, MissingInput
from lightning.runs import MANIFEST

#: a row of ``tiles`` (day, longitude, latitude, strikes) that may be counted
IS_A_TILE = """year(day) = {year} AND longitude BETWEEN -180 AND 180 AND latitude BETWEEN -90 AND 90
    AND strikes BETWEEN 1 AND 1000000000"""
DAYS = "SELECT day, sum(strikes) AS strikes, count(*) AS tiles FROM tiles GROUP BY day"
CELLS = """SELECT CAST(round(longitude * 10) AS INT) AS east, CAST(round(latitude * 10) AS INT) AS north,
    sum(strikes) AS strikes, count(DISTINCT day) AS days FROM tiles GROUP BY 1, 2"""
QUERIES = {
    "daily": "SELECT CAST(day AS STRING) AS day, strikes, tiles FROM days ORDER BY 1",
    "monthly": """SELECT substr(CAST(day AS STRING), 1, 7) || '-01' AS month, sum(strikes) AS strikes
        FROM days GROUP BY 1 ORDER BY 1""",
    "tiles": """SELECT CAST(east / 10.0 AS DECIMAL(5, 1)) AS longitude, CAST(north / 10.0 AS DECIMAL(5, 1)) AS latitude,
        strikes, days FROM cells ORDER BY east, north""",
}
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Manifest:
    """What a whole result consists of."""

    year: int
    rows: int
    strikes: int
    #: path -> [bytes, SHA-256]
    files: dict[str, tuple[int, str]]

    def paths(self, name: str) -> list[str]:
        """The files of one of the three results."""
        return [path for path in sorted(self.files) if path.startswith(f"{name}/")]


def malformed(count: int, first: str, year: int | None = None) -> str:
    """The sentence about rows that are no tiles."""
    what = f"tiles of {year}" if year else "tiles"
    return f"{count:,} row{'s are' if count > 1 else ' is'} no {what}; nothing is loaded. The first: {first}"


def write_summary(folder: Path, rows: int, strikes: int) -> None:
    """What the engine counted."""
    (folder / SUMMARY).write_text(json.dumps({"rows": rows, "strikes": strikes}))


def put_in_place(draft: Path, out: Path) -> None:
    """Let the finished ``draft`` be ``out``."""
    shutil.rmtree(out, ignore_errors=True)
    os.replace(draft, out)


def seal(folder: Path, year: int) -> Manifest:
    """Write the manifest of the results in ``folder``, last of all."""
    summary = folder / SUMMARY
    if not summary.exists():
        raise MissingInput(f"{folder} has no {SUMMARY}: the engine has not finished")
    files = {
        path.relative_to(folder).as_posix(): (path.stat().st_size, _digest(path))
        for name in QUERIES
        for path in sorted((folder / name).glob("*.csv"))
    }
    manifest = Manifest(year, files=files, **json.loads(summary.read_text()))
    draft = folder / (MANIFEST + ".new")
    draft.write_text(json.dumps(asdict(manifest), indent=1))
    os.replace(draft, folder / MANIFEST)
    return manifest


def read_manifest(text: str, where: str) -> Manifest:
    """The manifest that ``text`` is.

    Raises:
        HalfWritten: it is cut off or something else.
    """
    try:
        said: dict[str, Any] = json.loads(text)
        files = {str(path): (int(size), str(digest)) for path, (size, digest) in said["files"].items()}
        return Manifest(int(said["year"]), int(said["rows"]), int(said["strikes"]), files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HalfWritten(f"{where}/{MANIFEST} is no manifest; nothing is loaded ({error})") from error


def checked(folder: Path, year: int) -> Manifest:
    """The manifest of ``folder``, whose files are all there and whole.

    Raises:
        HalfWritten: something is missing, cut off, or of another year.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise HalfWritten(f"{folder} has no {MANIFEST}: what is there is not finished, and nothing is loaded")
    manifest = read_manifest(path.read_text(), str(folder))
    if manifest.year != year:
        raise HalfWritten(f"{path} is of {manifest.year}, not of {year}; nothing is loaded")
    for name, (size, digest) in manifest.files.items():
        _check_file(folder / name, name, size, digest)
    for name in QUERIES:
        if not manifest.paths(name):
            raise HalfWritten(f"{path} names no file of {name}; nothing is loaded")
    return manifest


def _check_file(path: Path, name: str, size: int, digest: str) -> None:
    found = path.stat().st_size if path.exists() else None
    if found is None:
        raise HalfWritten(f"{name} is missing; nothing is loaded")
    if found != size:
        raise HalfWritten(f"{name} has {found:,} bytes where the manifest says {size:,}; nothing is loaded")
    if _digest(path) != digest:
        raise HalfWritten(f"{name} is not what the manifest says; nothing is loaded")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
