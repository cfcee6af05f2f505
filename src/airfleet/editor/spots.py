"""The place of a cursor in a YAML text, however unfinished the text is there.

The word at the cursor is replaced by a mark, as a value and as a key. The first of the two texts that is YAML and has
the mark as a whole scalar tells where the cursor stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence

_MARK: Final = "xCURSORx"
_WORD: Final = re.compile(r"[\w.:$*-]*\Z")
_REST_OF_WORD: Final = re.compile(r"[\w.$*-]*")
#: keys from the document down; items of lists by their number
Path: TypeAlias = tuple[str | int, ...]

#: keys whose values name tasks and groups
OF_ENTRIES: Final = ("needs", "setups", "$x", "$xcom", "task")
#: keys whose values name files
OF_FILES: Final = ("$f", "$file", "include")


def key_of(path: Path) -> str:
    """Give the key whose value, or an item of it, stands at a path; empty for a document that is a list."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


@dataclass(frozen=True)
class Position:
    """A line and a column of a text, both from 0."""

    line: int
    column: int


@dataclass(frozen=True)
class Spot:
    """Where the cursor stands."""

    #: to the value at the cursor, or to the mapping whose key is at the cursor
    path: Path
    #: whether a key is written, not a value
    is_key: bool
    #: the part of the word before the cursor
    typed: str
    document: Mapping
    #: the mappings around, from the document to the innermost
    around: tuple[Mapping, ...] = field(default=(), repr=False)
    #: the text of the scalar before the cursor, where the word is only a part of it
    before: str = ""

    @property
    def beside(self) -> Mapping:
        """The innermost mapping around the cursor."""
        return self.around[-1] if self.around else self.document


def spot(text: str, at: Position) -> Spot | None:
    """Find where the cursor stands in the document around it; None where that cannot be told."""
    lines = text.split("\n")
    if at.line >= len(lines):
        return None
    line = lines[at.line]
    before, after = line[: at.column], line[at.column :]
    typed = _WORD.search(before)
    word = typed[0] if typed else ""
    start = before[: len(before) - len(word)]
    rest = after[len(match[0]) if (match := _REST_OF_WORD.match(after)) else 0 :]
    value, key = _MARK, f"{_MARK}: "
    for mark in (value, key) if start.strip() else (key, value):  # a word alone on its line is a key to be
        written = "\n".join([*lines[: at.line], start + mark + _kept(rest, mark), *lines[at.line + 1 :]])
        documents, _ = nodes.load(written, "")
        for document in documents:
            if isinstance(document, Mapping) and (found := next(_search(document, (), (document,)), None)):
                return Spot(found[0], found[2], word, document, found[1], found[3])
    return None


def _kept(rest: str, mark: str) -> str:
    """Keep what follows the word; a colon of its own would follow the one of the mark."""
    return rest.lstrip().removeprefix(":") if mark.endswith(": ") and rest.lstrip().startswith(":") else rest


_Found: TypeAlias = tuple[Path, tuple[Mapping, ...], bool, str]


def _search(node: Node, path: Path, around: tuple[Mapping, ...]) -> Iterator[_Found]:
    """Yield the place of the mark: path, the mappings around, whether it is a key, and the text before it."""
    if isinstance(node, Scalar):
        text, _, _ = node.text.partition(_MARK)
        if node.text == _MARK or (_MARK in node.text and ("{{" in text or node.quoted)):
            yield path, around, False, text
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _search(item, (*path, index), around)
    else:
        inner = around if around[-1:] == (node,) else (*around, node)
        for key, value in node.entries:
            if key.text == _MARK:
                yield path, inner, True, ""
            yield from _search(value, (*path, key.text), inner)


@dataclass(frozen=True)
class Written:
    """A key or value that is written at a position, and its place in the document."""

    path: Path
    scalar: Scalar
    is_key: bool
    document: Mapping
    around: tuple[Mapping, ...]


def written_at(text: str, at: Position) -> Written | None:
    """Find the key or value under a position of a text."""
    documents, _ = nodes.load(text, "")
    for document in documents:
        if isinstance(document, Mapping):
            for found in _scalars(document, (), (document,), document):
                if _covers(found.scalar, at):
                    return found
    return None


def _scalars(node: Node, path: Path, around: tuple[Mapping, ...], document: Mapping) -> Iterator[Written]:
    if isinstance(node, Scalar):
        yield Written(path, node, False, document, around)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _scalars(item, (*path, index), around, document)
    else:
        inner = around if around[-1:] == (node,) else (*around, node)
        for key, value in node.entries:
            yield Written((*path, key.text), key, True, document, inner)
            yield from _scalars(value, (*path, key.text), inner, document)


def _covers(scalar: Scalar, at: Position) -> bool:
    length = len(scalar.text) + 2 * scalar.quoted
    start = scalar.place.column - 1
    return scalar.place.line - 1 == at.line and start <= at.column <= start + length
