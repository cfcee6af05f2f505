"""Places inside of texts: the line and column of a part of a scalar, as it stands in the file.

A plain or quoted scalar on one line, and a block with ``|``, show their text character by character. Of others, and
where the file does not say what the scalar says, the place is that of the scalar.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, TypeAlias

from airfleet.errors import Place
from airfleet.yaml.nodes import Scalar

#: position in the text of a scalar -> its place; None where it is not known
Finder: TypeAlias = Callable[[int], Place | None]

_BLOCK: Final = re.compile(r"\|[-+]?\s*(?:#.*)?\Z")
_ESCAPES: Final = {"x": 4, "u": 6, "U": 10}
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass
class Sources:
    """The texts of the files that are read, by their names."""

    _texts: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def add(self, file: str, text: str) -> None:
        """Note the text of a file."""
        self._texts[file] = text
        self._lines.pop(file, None)

    def finder(self, scalar: Scalar) -> Callable[[int], Place]:
        """Give a function that finds the places of parts of one scalar."""
        found = _finder(scalar, self._lines_of(scalar.place.file))
        return lambda position: (found(position) if found else None) or scalar.place

    def _lines_of(self, file: str) -> list[str]:
        if file not in self._lines:
            self._lines[file] = _LINE_END.split(self._texts.get(file, "").removeprefix("\ufeff"))
        return self._lines[file]


def _finder(scalar: Scalar, lines: Sequence[str]) -> Finder | None:
    place = scalar.place
    if place.line > len(lines):
        return None
    line, column = lines[place.line - 1], place.column - 1
    written = line[column:]
    if written.startswith("'"):
        return _single_quoted(scalar, written)
    if written.startswith('"'):
        return _double_quoted(scalar, written)
    if _BLOCK.match(written):
        return _block(scalar, lines)
    return _shifted(place, 0) if written.startswith(scalar.text) else None


def _shifted(place: Place, by: int) -> Finder:
    return lambda position: Place(place.file, place.line, place.column + position + by)


def _single_quoted(scalar: Scalar, written: str) -> Finder | None:
    if written.startswith(f"'{scalar.text}'") and "'" not in scalar.text:
        return _shifted(scalar.place, 1)
    if not written.startswith("'" + scalar.text.replace("'", "''") + "'"):
        return None
    quotes = [position for position, character in enumerate(scalar.text) if character == "'"]
    return _with_wide(scalar.place, quotes, [2] * len(quotes))


def _double_quoted(scalar: Scalar, written: str) -> Finder | None:
    if written.startswith(f'"{scalar.text}"') and not {"\\", '"'} & set(scalar.text):
        return _shifted(scalar.place, 1)
    at, wide, widths = 1, [], []
    for position in range(len(scalar.text)):
        if written[at : at + 1] == "\\":
            wide.append(position)
            widths.append(_ESCAPES.get(written[at + 1 : at + 2], 2))
            at += widths[-1]
        elif written[at : at + 1] == scalar.text[position]:
            at += 1
        else:
            return None
    return _with_wide(scalar.place, wide, widths) if written[at : at + 1] == '"' else None


def _with_wide(place: Place, wide: list[int], widths: list[int]) -> Finder:
    """Count the characters that are written with several ones, and their widths."""
    more = [0, *accumulate(width - 1 for width in widths)]
    return lambda position: Place(
        place.file, place.line, place.column + 1 + position + more[bisect_left(wide, position)]
    )


def _block(scalar: Scalar, lines: Sequence[str]) -> Finder | None:
    """Find positions in a block with ``|``: its lines stand in the file as they are, but for the indentation."""
    begins = [0, *(match.end() for match in re.finditer("\n", scalar.text))]
    first = next((line for line in lines[scalar.place.line :] if line.strip()), "")
    indent = len(first) - len(first.lstrip(" "))

    @functools.cache
    def is_shown(number: int) -> bool:
        end = scalar.text.find("\n", begins[number])
        at = scalar.place.line + number
        return at < len(lines) and lines[at][indent:] == scalar.text[begins[number] : end if end >= 0 else None]

    def find(position: int) -> Place | None:
        number = bisect_right(begins, position) - 1
        if not is_shown(number):
            return None
        column = indent + 1 + position - begins[number]
        return Place(scalar.place.file, scalar.place.line + number + 1, column)

    return find
