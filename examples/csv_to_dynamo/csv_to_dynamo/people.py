"""The format: rows of ``Id,Name,Enabled,FavouriteNumber`` and what they are in JSON and in DynamoDB.

A file is good or bad as a whole: :func:`convert` reads all of it before anybody loads the first row,
and names every bad line up to :data:`MOST_SHOWN`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from csv_to_dynamo.errors import BadCsv

HEADER = ("Id", "Name", "Enabled", "FavouriteNumber")
MOST_SHOWN = 20
#: what DynamoDB keeps of a number
MOST_DIGITS = 38
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True)
class Person:
    """One row."""

    id: int
    name: str
    enabled: bool
    favourite_number: int | None

    def item(self) -> dict[str, Any]:
        """As JSON and DynamoDB have it; a number that was not given is left out."""
        item: dict[str, Any] = {"Id": self.id, "Name": self.name, "Enabled": self.enabled}
        return item if self.favourite_number is None else {**item, "FavouriteNumber": self.favourite_number}


def convert(source: Path, target: Path, name: str) -> int:
    """Write the people of a CSV file as JSON, one object a line; how many there are.

    ``name`` is what people call the file. Memory grows with the number of people by their ids only.

    Raises:
        BadCsv: with every bad line; ``target`` is then of no use.
    """
    problems: list[str] = []
    found = rows = 0
    with _opened(source) as text, target.open("w", encoding="utf-8") as out:
        for person in _people(text, name):
            if isinstance(person, str):
                found += 1
                problems += [person][: MOST_SHOWN - len(problems)]
            else:
                rows += 1
                out.write(json.dumps(person.item(), ensure_ascii=False) + "\n")
    if found:
        more = f"\n... and {found - len(problems):,} more" if found > len(problems) else ""
        raise BadCsv(f"{name} has {_count(found, 'bad line')}, nothing was loaded:\n" + "\n".join(problems) + more)
    return rows


def read_json(file: Path) -> Iterator[dict[str, Any]]:
    """The items that :func:`convert` wrote."""
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _opened(source: Path) -> TextIO:
    return source.open(encoding="utf-8-sig", newline="")  # spreadsheets put a mark in front


def _people(text: TextIO, name: str) -> Iterator[Person | str]:
    """Every person, or the sentence about a bad line."""
    lines = csv.reader(text, strict=True)
    first_line: dict[int, int] = {}
    try:
        _check_header(next(lines, None), name)
        for row in lines:
            person = _person(row) if row else "is empty"
            if isinstance(person, Person):
                earlier = first_line.setdefault(person.id, lines.line_num)
                if earlier != lines.line_num:
                    person = f"Id {person.id} stands in line {earlier} already"
            yield person if isinstance(person, Person) else f"line {lines.line_num}: {person}"
    except csv.Error as error:
        yield f"line {lines.line_num}: is no CSV ({error}); is the file cut off?"
    except UnicodeDecodeError as error:
        raise BadCsv(
            f"{name} is not UTF-8 text (byte {error.object[error.start]:#04x} after line {lines.line_num})"
        ) from error


def _check_header(found: list[str] | None, name: str) -> None:
    if found is None:
        raise BadCsv(f"{name} is empty; its first line must be {','.join(HEADER)}")
    if tuple(found) == HEADER:
        return
    missing, new = [c for c in HEADER if c not in found], [c for c in found if c not in HEADER]
    said = [f"{what} {', '.join(names)}" for what, names in (("missing:", missing), ("new:", new)) if names]
    raise BadCsv(
        f"the header of {name} has changed ({'; '.join(said) or 'another order'}); it must be {','.join(HEADER)}"
    )


def _person(row: list[str]) -> Person | str:
    """The person, or what is wrong with the row."""
    if len(row) != len(HEADER):
        return f"has {_count(len(row), 'value')}, not {len(HEADER)}"
    raw_id, raw_name, raw_enabled, raw_number = (value.strip() for value in row)
    identity, number = _whole(raw_id), _whole(raw_number) if raw_number else None
    if identity is None:
        return f"Id '{raw_id}' is not a whole number"
    if not raw_name:
        return "Name is empty"
    if raw_enabled.lower() not in (*_TRUE, *_FALSE):
        return f"Enabled '{raw_enabled}' is neither true nor false"
    if raw_number and number is None:
        return f"FavouriteNumber '{raw_number}' is not a whole number"
    return Person(identity, raw_name, raw_enabled.lower() in _TRUE, number)


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS else None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
