"""Rows of many CSV files in one file, each labelled with its file and line.

Everything about the *shape* of a row is judged here, line by line, so that one stray quote spoils
one row and not the rest of the file; what the values mean is judged in :mod:`air_quality.clean`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from air_quality.errors import HeaderDrift


@dataclass(frozen=True)
class Labelled:
    """How many rows were read, and how many had the wrong shape."""

    rows: int
    rejected: int


#: takes file name, line number, reason and the line as it was published
Reject = Callable[[str, int, str, str], None]


def label(files: Iterable[Path], root: Path, header: Sequence[str], into: Path, reject: Reject) -> Labelled:
    """Write the well-shaped rows of ``files`` to ``into``; their names are told from ``root``.

    Raises:
        HeaderDrift: a file's columns are not ``header``.
    """
    rows = rejected = 0
    shape = _shape(len(header))
    with into.open("w", encoding="utf-8", newline="") as file:
        for path in files:
            name = path.relative_to(root).as_posix()
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
                _check_header(text, header, name)
                read, bad = _label_rows(text, name, shape, file, reject)
            rows += read
            rejected += bad
    return Labelled(rows, rejected)


def _check_header(text: TextIO, expected: Sequence[str], name: str) -> None:
    line = text.readline()
    try:
        found = next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise HeaderDrift(f"{name}: the first line is not a header: {error}") from error
    found = [column.strip() for column in found]
    if found == list(expected):
        return
    missing = [column for column in expected if column not in found]
    new = [column for column in found if column not in expected]
    said = [f"missing: {', '.join(missing)}"] if missing else []
    said += [f"new: {', '.join(new)}"] if new else []
    what = "; ".join(said) or "the same columns in another order"
    raise HeaderDrift(f"{name}: the columns are not those of header_raw ({what})")


def _label_rows(text: TextIO, name: str, shape: Shape, into: TextIO, reject: Reject) -> tuple[int, int]:
    rows = rejected = 0
    quoted_name = '"' + name.replace('"', '""') + '"'
    for number, published in enumerate(text, start=2):
        line = published.rstrip("\r\n")
        if not line:
            continue
        rows += 1
        reason, row = shape(line)
        if reason:
            rejected += 1
            reject(name, number, reason, line)
        else:
            into.write(f"{quoted_name},{number},{row}\n")
    return rows, rejected


#: takes a line; gives why it is refused (or an empty text), and the line as any CSV reader takes it
Shape = Callable[[str], tuple[str, str]]


def _shape(width: int) -> Shape:
    """Judge lines of ``width`` values. Nearly all are plain, and a pattern sees that six times as fast as parsing."""
    value = r'(?:"[^"]*+"|[^",]*+)'
    plain = re.compile(rf"{value}(?:,{value}){{{width - 1}}}").fullmatch

    def judge(line: str) -> tuple[str, str]:
        if "\ufffd" in line or "\0" in line:
            return "the line is not UTF-8 text", ""
        return ("", line) if plain(line) else _parse(line, width)

    return judge


def _parse(line: str, width: int) -> tuple[str, str]:
    try:
        row = next(csv.reader((line,), strict=True))
    except csv.Error as error:
        return f"the quotes do not match: {error}", ""
    if len(row) != width:
        return f"{len(row)} values where {width} are expected", ""
    return "", ",".join('"' + value.replace('"', '""') + '"' for value in row)
