"""Kinds of values that arguments take, from the annotations written at them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from airfleet.pipelines.language.kinds import ArgumentKind

_KINDS: Final[dict[frozenset[str], ArgumentKind]] = {
    frozenset({"int"}): "integer",
    frozenset({"float"}): "number",
    frozenset({"int", "float"}): "number",
    frozenset({"bool"}): "boolean",
    frozenset({"Callable"}): "function",
    frozenset({"time"}): "time",
}
_BESIDE_TIMEDELTA: Final = frozenset({"timedelta", "float", "int", "relativedelta"})
_SAY_NOTHING: Final = frozenset({"None", "ArgNotSet", "NOTSET"})


@functools.cache
def kind_in(annotation: str) -> ArgumentKind | None:
    """Return the kind of value behind ``int``, ``timedelta | None``, ``Callable[..., bool]`` and the like."""
    words = words_in(annotation)
    if "timedelta" in words and words <= _BESIDE_TIMEDELTA:
        return "duration"
    return _KINDS.get(words)


@functools.cache
def words_in(annotation: str) -> frozenset[str]:
    """List the classes that an annotation allows, by their bare names: ``dt.date | None`` allows ``date``."""
    try:
        return frozenset(_alternatives(_parsed(annotation))) - _SAY_NOTHING
    except (SyntaxError, ValueError):  # there is none, or Python wrote out an object
        return frozenset()


@functools.cache
def items_in(annotation: str) -> frozenset[str]:
    """List the classes that the items of a list may have: ``Iterable[DateTime]`` has items that are ``DateTime``."""
    try:
        node = _parsed(annotation)
        if isinstance(node, ast.Subscript) and words_in(annotation) & _LISTS:
            return frozenset(_alternatives(node.slice))
    except (SyntaxError, ValueError):
        pass
    return frozenset()


_LISTS: Final = frozenset({"list", "List", "Iterable", "Sequence", "Collection"})


@functools.cache
def is_mapping_of_texts(annotation: str) -> bool:
    """Tell whether an argument takes names with texts, as ``dict[str, str] | None`` does, and nothing else."""
    try:
        parts = list(_parts_of(_parsed(annotation)))
    except (SyntaxError, ValueError):
        return False
    mappings = [part for part in parts if ast.unparse(part) not in _SAY_NOTHING]
    return bool(mappings) and all(
        isinstance(part, ast.Subscript)
        and ast.unparse(part.value).rpartition(".")[2] in ("dict", "Dict", "Mapping", "MutableMapping")
        and ast.unparse(part.slice).replace(" ", "") in ("str,str", "(str,str)")
        for part in mappings
    )


@functools.cache
def alternatives(annotation: str) -> tuple[ast.expr, ...]:
    """List the alternatives of an annotation, ``int`` and ``None`` of ``int | None``; none when it cannot be read."""
    try:
        return tuple(_parts_of(_parsed(annotation)))
    except (SyntaxError, ValueError, RecursionError):
        return ()


def _parts_of(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the alternatives of an annotation, each as it is written."""
    if isinstance(node, ast.BinOp):
        yield from (*_parts_of(node.left), *_parts_of(node.right))
    elif isinstance(node, ast.Subscript) and list(_alternatives(node.value)) in _UNIONS:
        yield from node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _parts_of(_parsed(node.value))
    else:
        yield node


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
