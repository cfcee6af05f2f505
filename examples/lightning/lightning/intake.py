"""A year's file from where it is into the run's folder: found, unpacked, whole, and of the known columns."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from lightning.errors import SourceError
from lightning.tiles import Format, check_head

_BLOCK = 1 << 20


def local_file(place: Path, form: Format, year: int) -> Path:
    """The year's file: ``place`` itself, or the one of the published name in the folder ``place``.

    Raises:
        SourceError: it is not there.
    """
    if place.is_file():
        return place
    name = form.file_name(year)
    for candidate in (place / name, place / name.removesuffix(".gz")):
        if candidate.is_file():
            return candidate
    raise SourceError(f"there is no {name} in {place}" if place.is_dir() else f"there is no {place}")


def take(source: Path, raw: Path, form: Format) -> dict[str, Any]:
    """Unpack ``source`` to ``raw``; its size.

    Raises:
        SourceError: it ends in the middle, is damaged, or holds no row.
        SchemaChange: the columns are not the known ones.
    """
    raw.parent.mkdir(parents=True, exist_ok=True)
    draft = raw.with_name(raw.name + ".new")
    try:
        with _opened(source) as packed, draft.open("wb") as file:
            shutil.copyfileobj(packed, file, _BLOCK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{source.name} is not whole: {error}") from error
    check_head(draft, form, source.name)
    os.replace(draft, raw)
    size = raw.stat().st_size
    print(f"{source.name}: {size:,} bytes of rows")
    return {"bytes": size}


def _opened(path: Path) -> Any:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")
