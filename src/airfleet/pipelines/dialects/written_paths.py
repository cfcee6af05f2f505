"""Paths of problems in the words of the file: ``orders.tasks.load.dependencies``, and not ``tasks.load.needs``.

A translated value keeps its place, and that leads back to the path that it has in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import joined

#: our key → theirs, where the names differ
_THEIRS: Final = {
    "needs": ("dependencies",),
    "uses": ("operator", "decorator", "callback", "__type__"),
    "id": ("task_id",),
    "group": ("group_name",),
    "defaults": ("default_args",),
    "prefix": ("prefix_group_id",),
    "with": ("partial", "op_kwargs"),
}
#: keys by which an item of a list is named
_NAMES: Final = ("task_id", "group_name")


class WrittenPaths:
    """The paths of one file. They are listed when the first problem asks for them."""

    def __init__(self) -> None:
        self._documents: list[Mapping] = []
        self._known: dict[Place, list[str]] | None = None

    def add(self, document: Mapping) -> None:
        """Know the paths of a document that is translated."""
        self._documents.append(document)
        self._known = None

    def as_written(self, problem: Problem) -> Problem:
        """Give a problem with the path of its place in the file; one of another document as it is."""
        if not self._documents:
            return problem
        if self._known is None:
            self._known = {}
            for document in self._documents:
                for path, place in _paths(document, ""):
                    self._known.setdefault(place, []).append(path)
        found = self._known.get(problem.place)
        return replace(problem, path=_nearest(found, problem.path)) if found else problem


def _nearest(found: list[str], ours: str) -> str:
    """Choose the path that ends as ours does; of several values that begin at one place, else the outermost."""
    last = _last(ours)
    wanted = (last, *_THEIRS.get(last, ()))
    return next((path for path in reversed(found) if _last(path) in wanted), found[0])


def _last(path: str) -> str:
    return re.sub(r"(?:\[\d+\])+\Z", "", path).rpartition(".")[2]


def _paths(node: Node, path: str) -> Iterator[tuple[str, Place]]:
    """Yield every path with its place, outer values first."""
    yield path, node.place
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _paths(item, _item(path, index, item))
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            yield joined(path, key.text), key.place
            yield from _paths(value, joined(path, key.text))


def _item(path: str, index: int, item: Node) -> str:
    for name in _NAMES:
        written = item.get(name) if isinstance(item, Mapping) else None
        if isinstance(written, Scalar) and written.text:
            return f"{path}.{written.text}"
    return f"{path}[{index}]"
