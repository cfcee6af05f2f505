"""The tasks and groups of a document under edit: their ids, by the group in which they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airfleet.editor.spots import Path
from airfleet.pipelines.language.spec import Group
from airfleet.pipelines.reading.names import has_prefix
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True)
class Entry:
    """A task or group as it is written."""

    name: str
    #: the id with those of the groups around that prefix it
    whole: str
    is_group: bool
    #: the groups around it, from the outside in
    around: tuple[str, ...]
    node: Mapping


def entries(document: Mapping) -> tuple[Entry, ...]:
    """List every task and group of a document that has a name."""
    return tuple(_within(document.get("tasks"), (), Group("", "")))


def _within(tasks: Node | None, around: tuple[str, ...], inside: Group) -> Iterator[Entry]:
    for item in tasks.items if isinstance(tasks, Sequence) else ():
        if not isinstance(item, Mapping):
            continue
        key = "group" if item.get("group") is not None else "id"
        name = item.get(key)
        if isinstance(name, Scalar) and name.text:
            whole = inside.id_of(name.text)
            yield Entry(name.text, whole, key == "group", around, item)
            if key == "group":
                group = Group(whole, name.text, prefix=has_prefix(item))
                yield from _within(item.get("tasks"), (*around, name.text), group)


def groups_around(document: Mapping, path: Path) -> tuple[str, ...]:
    """List the names of the groups in which a path stands, from the outside in."""
    found: list[str] = []
    node: Node | None = document
    for index, step in enumerate(path):
        node = _step(node, step)
        is_inside = index + 1 < len(path) and path[index + 1] == "tasks"
        if isinstance(node, Mapping) and is_inside and isinstance(name := node.get("group"), Scalar):
            found.append(name.text)
    return tuple(found)


def _step(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def names_for(document: Mapping, path: Path) -> tuple[str, ...]:
    """List the names by which an entry at a path may call others: those beside it, and whole ids."""
    around = groups_around(document, path)
    found: dict[str, None] = {}
    for entry in entries(document):
        found[entry.name if entry.around == around else entry.whole] = None
    return tuple(found)


def called(document: Mapping, path: Path, name: str) -> Entry | None:
    """Find the entry that a name means at a path: in its own group, then in those around, then by its whole id."""
    around = groups_around(document, path)
    known = entries(document)
    for depth in range(len(around), -1, -1):
        for entry in known:
            if entry.around == around[:depth] and entry.name == name:
                return entry
    return next((entry for entry in known if entry.whole == name), None)
