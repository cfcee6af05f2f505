"""Made-up archives look like the published ones, and the same arguments give the same archives."""

from __future__ import annotations

import csv
import filecmp
import io
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from air_quality import sample
from air_quality.formats import aqs, gsod


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
