"""Nodes that a translation makes: each has the place of what it stands for."""

from __future__ import annotations

from collections.abc import Iterable

from airfleet.errors import Place
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence


def text(written: str, place: Place) -> Scalar:
    """Make a text."""
    return Scalar(written, written, place, quoted=True)


def literal(value: object, place: Place) -> Scalar:
    """Make a number, true, false or null; a text stays one."""
    if isinstance(value, str):
        return text(value, place)
    written = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(value, written, place)


def mapping(entries: Iterable[tuple[str | Scalar, Node | None]], place: Place) -> Mapping:
    """Make a mapping without the entries whose value is None; a key that is text stands where its value does."""
    made = (
        (key if isinstance(key, Scalar) else Scalar(key, key, value.place), value)
        for key, value in entries
        if value is not None
    )
    return Mapping(tuple(made), place)


def sequence(items: Iterable[Node], place: Place) -> Sequence:
    """Make a list."""
    return Sequence(tuple(items), place)


def entries(node: Node | None) -> dict[str, tuple[Scalar, Node]]:
    """Give keys and values of a mapping by their names; nothing for anything else."""
    return {key.text: (key, value) for key, value in node.entries} if isinstance(node, Mapping) else {}


def items(node: Node | None) -> tuple[Node, ...]:
    """Give the items of a list; of one value, the value itself; nothing of null."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return ()
    return node.items if isinstance(node, Sequence) else (node,)


def written_text(node: Node | None) -> str | None:
    """Give the text of a plain value that is neither null, true nor false; None for every other node."""
    if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, str) else node.text
