"""Values that a test file expects, beside those of a run: the first difference in a sentence, or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: characters of a value in a sentence
LONGEST: Final = 160


def difference(expected: Any, actual: Any) -> str | None:
    """Say how ``actual`` differs from the value in the file; None when it does not."""
    actual = plain(actual)
    if same(expected, actual):
        return None
    said = f"{shown(actual)}, not {shown(expected)}"
    inner = _inside(expected, actual, "")
    return f"{said}: {inner}" if inner else said


def missing_part(expected: Any, actual: Any) -> str | None:
    """Say which part of ``expected`` is not in ``actual``; None when all is."""
    actual = plain(actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        wrong = [key for key, value in expected.items() if key not in actual or not same(value, actual[key])]
        return f"{shown(actual)}, without {shown({key: expected[key] for key in wrong})}" if wrong else None
    if isinstance(actual, list):
        wanted = expected if isinstance(expected, list) else [expected]
        absent = [item for item in wanted if not any(same(item, one) for one in actual)]
        return f"{shown(actual)}, without {shown(absent[0])}" if absent else None
    if isinstance(actual, str):
        return None if _text(expected) in actual else f"{shown(actual)}, without {shown(_text(expected))}"
    return None if same(expected, actual) else f"{shown(actual)}, without {shown(expected)}"


def same(expected: Any, actual: Any) -> bool:
    """Tell whether a value of the file is this value; a date of the file is also its text."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, dt.date) and isinstance(actual, str):
        return _text(expected) == actual or expected.isoformat() == actual
    if isinstance(expected, dt.datetime) and isinstance(actual, dt.datetime):
        return _in_utc(expected) == _in_utc(actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(same(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    return bool(expected == actual) or (expected != expected and actual != actual)


def plain(value: Any) -> Any:
    """Write a value of Python as YAML has values: tuples and sets as lists, keys as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, (str, bytes, int, float, bool, dt.date, type(None))):
        return value
    if isinstance(value, Iterable) and hasattr(value, "__len__") and hasattr(value, "__getitem__"):
        return [plain(item) for item in value]
    return value


def shown(value: Any) -> str:
    """Write a value into a sentence; of a long one, its beginning."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _inside(expected: Any, actual: Any, path: str) -> str | None:
    """Find the first difference below two lists or two mappings."""
    if isinstance(expected, list) and isinstance(actual, list):
        return _in_lists(expected, actual, path)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return _in_mappings(expected, actual, path)
    return f"{path} is {shown(actual)}, not {shown(expected)}" if path else None


def _in_lists(expected: list[Any], actual: list[Any], path: str) -> str | None:
    for index, (wanted, found) in enumerate(zip(expected, actual, strict=False)):
        if not same(wanted, found):
            return _inside(wanted, found, f"{path}[{index}]")
    where = f"{path} has" if path else "it has"
    return f"{where} {len(actual)} items, not {len(expected)}"


def _in_mappings(expected: Mapping[str, Any], actual: Mapping[str, Any], path: str) -> str | None:
    for key, wanted in expected.items():
        inner = f"{path}.{key}" if path else str(key)
        if key not in actual:
            return f"{inner} is missing"
        if not same(wanted, actual[key]):
            return _inside(wanted, actual[key], inner)
    more = next(key for key in actual if key not in expected)
    return f"{path}.{more} is there, too" if path else f"{more} is there, too"
