"""What kind of value an argument takes, from the annotation that is written at it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from airfleet.pipelines.arguments import Kind

_KINDS: Final[dict[frozenset[str], Kind]] = {
    frozenset({"int"}): "integer",
    frozenset({"float"}): "number",
    frozenset({"int", "float"}): "number",
    frozenset({"bool"}): "boolean",
    frozenset({"Callable"}): "function",
}
_BESIDE_TIMEDELTA: Final = frozenset({"timedelta", "float", "int", "relativedelta"})
_SAY_NOTHING: Final = frozenset({"None", "ArgNotSet", "NOTSET"})


@functools.cache
def kind_in(annotation: str) -> Kind | None:
    """The kind of value behind ``int``, ``timedelta | None``, ``Callable[..., bool]`` and the like."""
    words = words_in(annotation)
    if "timedelta" in words and words <= _BESIDE_TIMEDELTA:
        return "duration"
    return _KINDS.get(words)


@functools.cache
def words_in(annotation: str) -> frozenset[str]:
    """The classes that an annotation allows, by their bare names: ``dt.date | None`` allows ``date``."""
    try:
        return frozenset(_alternatives(_parsed(annotation))) - _SAY_NOTHING
    except (SyntaxError, ValueError):  # there is none, or Python wrote out an object
        return frozenset()


@functools.cache
def items_in(annotation: str) -> frozenset[str]:
    """The classes that the items of a list may have: ``Iterable[DateTime]`` has items that are ``DateTime``."""
    try:
        node = _parsed(annotation)
        if isinstance(node, ast.Subscript) and words_in(annotation) & _LISTS:
            return frozenset(_alternatives(node.slice))
    except (SyntaxError, ValueError):
        pass
    return frozenset()


_LISTS: Final = frozenset({"list", "List", "Iterable", "Sequence", "Collection"})


def _parsed(annotation: str) -> ast.expr:
    return ast.parse(annotation, mode="eval").body


def _alternatives(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif isinstance(node, ast.Subscript):
        names = list(_alternatives(node.value))
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield from (word for item in inner for word in _alternatives(item)) if names in _UNIONS else names
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Constant):
        yield from _alternatives(_parsed(node.value)) if isinstance(node.value, str) else ["None"]


_UNIONS: Final = (["Optional"], ["Union"])
