"""Whether a literal, or what a function returns, can be what the annotation of a parameter says.

Annotations are hints to Python, so only what is certain is judged: every class that is not in the table takes anything.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airfleet.errors import did_you_mean
from airfleet.pipelines.analysis.annotations import alternatives
from airfleet.pipelines.language.spec import Const, FileText, JinjaText, Value, XCom


@dataclass(frozen=True)
class _Class:
    """A class that an annotation names: its word, and the shapes of values that it takes."""

    word: str
    takes: frozenset[str]
    #: what a function may well cope with, but hardly expects
    doubtful: frozenset[str] = frozenset()


def _class(word: str, takes: str, doubtful: str = "") -> _Class:
    return _Class(word, frozenset(takes.split()), frozenset(doubtful.split()))


_LIST: Final = _class("a list", "list")
_MAPPING: Final = _class("a mapping", "mapping")
_CLASSES: Final[Mapping[str, _Class]] = {
    "str": _class("text", "text", "integer number boolean date moment"),
    "int": _class("a whole number", "integer boolean", "digits"),
    "float": _class("a number", "integer number boolean", "digits"),
    "bool": _class("true or false", "boolean", "integer truth"),
    "date": _class("a date", "date moment", "text digits"),
    "datetime": _class("a date with time", "moment", "date text digits"),
    "timedelta": _class("a timedelta", "timedelta", "text digits integer number"),
    "None": _class("null", "nothing"),
    **dict.fromkeys(("list", "List", "MutableSequence", "tuple", "Tuple", "set", "Set", "frozenset"), _LIST),
    "Sequence": _class("a list", "list text"),
    **dict.fromkeys(("Iterable", "Collection"), _class("a list", "list text mapping")),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping"), _MAPPING),
}
#: shapes that are others, too
_ALSO: Final = {"digits": "text", "truth": "text"}
_SHAPES: Final = {
    "text": "text",
    "digits": "text",
    "truth": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "moment": "a date with time",
    "list": "a list",
    "mapping": "a mapping",
}


@dataclass(frozen=True)
class Misfit:
    """A literal that is not what the annotation says: where in the argument, and the words for both."""

    path: str
    wanted: str
    shape: str
    hint: str | None
    #: False when the function may cope with it
    is_clear: bool


def misfit(value: Value, annotation: str) -> Misfit | None:
    """Find what of a literal is not as its annotation says; None when all is, or nobody knows.

    >>> misfit("many", "int | None").wanted, misfit(5, "float"), misfit(("a", 1), "list[str]").path
    ('a whole number', None, '[1]')
    """
    return _misfit(value, alternatives(annotation), "") if annotation else None


def _misfit(value: Value, parts: tuple[ast.expr, ...], path: str) -> Misfit | None:
    if isinstance(value, Const):
        value = value.value  # type: ignore[assignment]
    if value is None or isinstance(value, _LATER) or not parts:
        return None
    found = [_against(value, part, path) for part in parts]
    certain = [one for one in found if one is not None]
    if len(certain) < len(found):
        return None
    certain = [one for one in certain if one.wanted != "null"] or certain
    if len(certain) == 1:
        return certain[0]
    words = dict.fromkeys(one.wanted for one in certain)
    first = next((one for one in certain if not one.is_clear), certain[0])
    return Misfit(path, " or ".join(words), first.shape, first.hint, first.is_clear)


_LATER: Final = (XCom, JinjaText, FileText)


def _against(value: Value, part: ast.expr, path: str) -> Misfit | None:
    if isinstance(part, ast.Subscript) and _name(part) == "Literal":
        return _of_choices(value, part, path)
    known = _CLASSES.get(_name(part))
    if known is None:
        return None
    shape = _shape(value)
    if shape is None:
        return None
    if shape in known.takes or _ALSO.get(shape) in known.takes:
        return _of_items(value, part, path)
    is_text_wanted = known is _CLASSES["str"] and not isinstance(value, (Mapping, tuple, list))
    hint = f"put it in quotes: '{_written(value)}'" if is_text_wanted else None
    if shape in ("digits", "truth") and known.takes & {"integer", "boolean"}:
        hint = "write it without quotes"
    return Misfit(path, known.word, _SHAPES[shape], hint, is_clear=shape not in known.doubtful)


def _of_choices(value: Value, part: ast.Subscript, path: str) -> Misfit | None:
    """Judge a value by ``Literal['a', 'b']``."""
    written = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    choices = [item.value for item in written if isinstance(item, ast.Constant)]
    if len(choices) < len(written) or value in choices:
        return None
    shape = f"'{value}'" if isinstance(value, str) else _SHAPES.get(_shape(value) or "", "this")
    hint = did_you_mean(value, [str(choice) for choice in choices]) if isinstance(value, str) else None
    return Misfit(path, " or ".join(f"'{choice!s}'" for choice in choices), shape, hint, is_clear=True)


def _of_items(value: Value, part: ast.expr, path: str) -> Misfit | None:
    """Judge the items of a list, and the values of a mapping, by the annotation of items."""
    if not isinstance(part, ast.Subscript):
        return None
    inner = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    found: list[Misfit | None] = []
    if isinstance(value, Mapping) and len(inner) == 2:
        kinds = alternatives(ast.unparse(inner[1]))
        found = [_misfit(item, kinds, f"{path}.{key}") for key, item in value.items()]
    elif isinstance(value, (tuple, list)) and (len(inner) == 1 or isinstance(inner[-1], ast.Constant)):
        kinds = alternatives(ast.unparse(inner[0]))
        found = [_misfit(item, kinds, f"{path}[{index}]") for index, item in enumerate(value)]
    return next((one for one in found if one is not None), None)


def _name(part: ast.expr) -> str:
    if isinstance(part, ast.Subscript):
        return _name(part.value)
    if isinstance(part, ast.Attribute):
        return part.attr
    if isinstance(part, ast.Constant):
        return "None" if part.value is None else "?"
    return part.id if isinstance(part, ast.Name) else "?"


def _shape(value: object) -> str | None:
    """Name the shape of a literal; None for what is no plain literal."""
    if isinstance(value, str):
        if value in ("true", "false"):
            return "truth"
        return "digits" if _DIGITS.fullmatch(value) else "text"
    for kind, shape in _BY_TYPE:
        if isinstance(value, kind):
            return shape
    return None


_DIGITS: Final = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_BY_TYPE: Final[tuple[tuple[type, str], ...]] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (dt.datetime, "moment"),
    (dt.date, "date"),
    (Mapping, "mapping"),
    (tuple, "list"),
    (list, "list"),
)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- what a function returns


@functools.cache
def agrees(returned: str, wanted: str) -> bool:
    """Tell whether something annotated ``returned`` may be given where ``wanted`` is annotated.

    >>> agrees("int", "float"), agrees("list[int]", "str"), agrees("Rows", "str"), agrees("None", "str")
    (True, False, True, False)
    """
    if not returned or not wanted:
        return True
    given, takes = alternatives(returned), alternatives(wanted)
    if not given or not takes:
        return True
    something = [part for part in given if _name(part) != "None"]
    if not something:
        return any(_name(part) not in _CLASSES or _name(part) == "None" for part in takes)
    return any(_part_agrees(one, other) for one in something for other in takes)


_AS_SHAPE: Final = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "moment",
    "timedelta": "timedelta",
}


def _part_agrees(given: ast.expr, wanted: ast.expr) -> bool:
    one, other = _CLASSES.get(_name(given)), _CLASSES.get(_name(wanted))
    if one is None or other is None:
        return True
    shapes = {_AS_SHAPE[_name(given)]} if _name(given) in _AS_SHAPE else one.takes
    if not shapes & other.takes:
        return False
    is_list = one.takes == _LIST.takes == other.takes
    if not (is_list and isinstance(given, ast.Subscript) and isinstance(wanted, ast.Subscript)):
        return True
    return agrees(_items(given), _items(wanted))


def _items(part: ast.Subscript) -> str:
    inner = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    is_one = len(inner) == 1 or (len(inner) == 2 and isinstance(inner[1], ast.Constant))
    return ast.unparse(inner[0]) if is_one else ""
