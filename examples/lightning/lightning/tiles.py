"""The two formats in which the tiles are published, and whether a file is of one of them.

=========== ================================= =========================================
``ncei``    yearly ``nldn-tiles-2023.csv.gz``  lines with ``#``, then ``20230701,-80.1,25.3,4``
``bigquery`` table ``lightning_2023``          exported as CSV: ``2023-07-01,4,POINT(-80.1 25.3)``
=========== ================================= =========================================

Only the head of a file is judged here; the engines judge every row (see :mod:`lightning.duck` and
:mod:`lightning.spark_job`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from lightning.errors import SchemaChange, SourceError

_HEAD_LINES = 200


@dataclass(frozen=True)
class Format:
    """How the rows of a file look."""

    name: str
    #: the line that names the columns
    header: str
    #: of a year's file, with ``{year}``
    file: str
    #: whether the columns are named behind a ``#``, and lines with a ``#`` before them are comments
    commented: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.header.lstrip("#").split(","))

    def file_name(self, year: int) -> str:
        """The name of a year's file."""
        return self.file.format(year=year)


NCEI = Format("ncei", "#ZDAY,CENTERLON,CENTERLAT,TOTAL_COUNT", "nldn-tiles-{year}.csv.gz", True)
BIGQUERY = Format("bigquery", "date,number_of_strikes,center_point_geom", "lightning_{year}.csv", False)


def check_head(path: Path, form: Format, name: str = "") -> int:
    """How many lines stand above the first row of ``path``, which problems call ``name``.

    Raises:
        SchemaChange: the columns are not those of ``form``.
        SourceError: there is no row.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\r\n") for line in islice(file, _HEAD_LINES)]
    name = name or path.name
    head = [line for line in lines if line.startswith("#")] if form.commented else lines[:1]
    named = _named_columns(head, form)
    if named != form.columns:
        raise SchemaChange(f"{name}: {_difference(named, form.columns)}")
    rows = lines[len(head) :]
    if not rows:
        raise SourceError(f"{name} holds no tile")
    width = len(rows[0].split(","))
    if width != len(form.columns):
        raise SchemaChange(f"{name}: the rows have {width} values where {len(form.columns)} are expected")
    return len(head)


def _named_columns(head: list[str], form: Format) -> tuple[str, ...]:
    """The columns that the last line of the head names; those of the format when it names none."""
    named = chain((line.lstrip("#").strip() for line in reversed(head)), ("",))
    line = next(named)
    if form.commented and "," not in line:
        return form.columns
    return tuple(column.strip() for column in line.split(","))


def _difference(found: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    missing = [column for column in wanted if column not in found]
    new = [column for column in found if column not in wanted]
    said = [f"missing: {', '.join(missing)}"] if missing else []
    said += [f"new: {', '.join(new)}"] if new else []
    return f"the columns are not the known ones ({'; '.join(said) or 'the same in another order'})"
