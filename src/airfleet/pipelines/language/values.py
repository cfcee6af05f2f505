"""Nodes to values: what each kind of argument of a Dag or task accepts."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable
from typing import Final

from airfleet.errors import did_you_mean
from airfleet.pipelines.language.arguments import Argument
from airfleet.pipelines.language.kinds import KINDS, ArgumentKind
from airfleet.pipelines.language.spec import CalendarLength, Length, Value
from airfleet.problem_codes import Code
from airfleet.yaml.durations import calendar_duration, parse_duration
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report
from airfleet.yaml.scalars import scalar_value


class Invalid(ValueError):
    """A value is not of its kind; the message is the end of a sentence that begins with the key."""

    def __init__(self, sentence: str, hint: str | None = None, code: Code = Code.WRONG_TYPE) -> None:
        self.hint = hint
        self.code = code
        super().__init__(sentence)


def argument(node: Node, path: str, known: Argument, report: Report) -> Value:
    """Give the value of a DAG or task argument; None when it is null or wrong (noted in ``report``)."""
    report.note_places(node, path)
    if is_null(node):
        return None
    if marker_key(node) is not None:
        sentence = "a marker such as $t is only read under 'with'"
        report.problem(node, path, sentence, "write the value itself", Code.MARKER_PLACE)
        return None
    try:
        value = _READERS[known.kind](node)
        _check_choice(value, known)
        _check_minimum(value, known)
        return value
    except Invalid as wrong:
        report.problem(node, path, str(wrong), wrong.hint, wrong.code)
        return None


def _check_choice(value: Value, known: Argument) -> None:
    if not known.choices:
        return
    for item in value if isinstance(value, tuple) else (value,):
        if item not in known.choices:
            hint = did_you_mean(str(item), known.choices) or "one of " + ", ".join(known.choices)
            raise Invalid(f"'{item}' is not one of the values it can have", hint, Code.NOT_A_CHOICE)


def _check_minimum(value: Value, known: Argument) -> None:
    if isinstance(value, (int, float)) and not known.takes(value):
        raise Invalid(f"must be {known.minimum} or more, not {value}", code=Code.OUT_OF_RANGE)
    if known.kind == "number" and isinstance(value, (int, float)) and value > sys.float_info.max:
        raise Invalid("must be a finite number that fits into 64 bits", code=Code.OUT_OF_RANGE)


def noted(read: Callable[[Node], Value], node: Node, path: str, report: Report) -> Value:
    """Read a value; None when it is wrong (noted in ``report``)."""
    try:
        return read(node)
    except Invalid as wrong:
        report.problem(node, path, str(wrong), wrong.hint, wrong.code)
        return None


def text(node: Node) -> str:
    """Text; numbers and dates are taken as they were written."""
    if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
        hint = f"put it in quotes: '{node.text}'" if isinstance(node, Scalar) and node.value is not None else None
        raise Invalid(f"must be text, not {shape(node)}", hint)
    return node.value if isinstance(node.value, str) else node.text


def required_text(node: Node, path: str, report: Report) -> str:
    """Text that must be there; the empty text when it is wrong (noted in ``report``)."""
    report.places[path] = node.place
    try:
        found = text(node)
    except Invalid as wrong:
        report.problem(node, path, str(wrong), wrong.hint, wrong.code)
        return ""
    if not found and not report.is_wrong(path):
        report.problem(node, path, "must not be empty", code=Code.EMPTY_VALUE)
    return found


def texts(node: Node) -> tuple[str, ...]:
    """Read a list of texts, or one text."""
    if isinstance(node, Sequence):
        return tuple(text(item) for item in node.items)
    if isinstance(node, Mapping):
        raise Invalid("must be a text or a list of texts, not a mapping")
    return (text(node),)


FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def function(node: Node) -> str:
    """Read ``module:function``."""
    written = text(node)
    if not FUNCTION.fullmatch(written):
        hint = f"write {_as_function(written)}"
        raise Invalid(f"'{written}' is not the name of a function", hint, Code.FUNCTION_NAME)
    return written


def _as_function(written: str) -> str:
    """Read ``shop.steps.told`` as it is meant; how a function is written, where that cannot be known."""
    module, _, name = written.rpartition(".")
    meant = f"{module}:{name}"
    return meant if FUNCTION.fullmatch(meant) else "module:function"


def integer(node: Node) -> int:
    """Read a whole number; digits as text count, since the environment only knows text."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    raise Invalid(f"must be a whole number, not {shape(node)}")


def number(node: Node) -> Value:
    """Read a number; true and false count as Airflow counts them there."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        return float(value)
    raise Invalid(f"must be a number, not {shape(node)}")


def truth(node: Node) -> bool | None:
    """Read true or false, also as text, since the environment only knows text; None for everything else."""
    value = node.value if isinstance(node, Scalar) else None
    meant = from_text(value, "boolean") if isinstance(value, str) else value
    return meant if isinstance(meant, bool) else None


def boolean(node: Node) -> bool:
    """Read true or false."""
    if (found := truth(node)) is not None:
        return found
    value = node.value if isinstance(node, Scalar) else None
    meant_by_word = _WORDS_FOR_BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    raise Invalid(f"must be true or false, not {shape(node)}", f"write {meant_by_word}" if meant_by_word else None)


#: true and false of YAML 1.1
_WORDS_FOR_BOOLEANS: Final = {
    **dict.fromkeys(("yes", "on", "y"), "true"),
    **dict.fromkeys(("no", "off", "n"), "false"),
}


def date(node: Node) -> dt.datetime:
    """Read a moment. A date alone is its midnight; without a zone it is in Airflow's default time zone."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise Invalid(f"must be a date, not {shape(node)}", "write 2026-01-31, or 2026-01-31T06:00:00", Code.DATE)


def duration(node: Node) -> dt.timedelta:
    """Read ``5m``, ``1h30m``, ``90s``, ``1d``, ``PT5M``, or a number of seconds."""
    value = node.value if isinstance(node, Scalar) else None
    hint = "write 90s, 5m, 1h30m, 1d or a number of seconds"
    wrong = Invalid(f"must be a duration, not {shape(node)}", hint, Code.DURATION)
    if isinstance(value, str):
        found = parse_duration(value)
        if found is None and parse_duration(value.strip().removeprefix("-")) is not None:
            raise Invalid(f"must not be negative, but is {value.strip()}", code=Code.OUT_OF_RANGE)
        if found is None:
            raise wrong
        return found
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise wrong
    if value < 0:
        raise Invalid(f"must not be negative, but is {value}", code=Code.OUT_OF_RANGE)
    try:
        return dt.timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise wrong from None


def length(node: Node) -> Length:
    """Read a duration, or one with months or years as in ``P1M``."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and (parts := calendar_duration(value)):
        return CalendarLength(*parts)
    try:
        return duration(node)
    except Invalid as wrong:
        meant = _LENGTH_IN_WORDS.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        raise Invalid(str(wrong), _written_length(meant) if meant else LENGTH_HINT, wrong.code) from None


LENGTH_HINT: Final = "write 90s, 5m, 1h30m, 1d, P1M for a month or P1Y for a year"
_LENGTH_IN_WORDS: Final = re.compile(r"(\d{0,4})\s*(second|minute|hour|day|week|month|year)s?", re.ASCII)


def _written_length(meant: re.Match[str]) -> str:
    """Write ``2 months`` as ``P2M``."""
    count, unit = meant[1] or "1", meant[2]
    if unit in ("month", "year"):
        return f"write P{count}{unit[0].upper()}"
    return f"write {count}{unit[0]}"


def misfit(value: Value, kind: ArgumentKind) -> str | None:
    """Say why a value under ``with`` cannot be of the kind that its argument takes; None when it can.

    Text of a number fits a number: what comes from the environment is always text.
    """
    if not KINDS[kind].wanted or _fits(value, kind):
        return None
    written = "a list" if isinstance(value, tuple) else "a mapping" if isinstance(value, dict) else f"'{value}'"
    return f"must be {KINDS[kind].wanted}, not {written}"


def from_text(value: str, kind: ArgumentKind) -> Value:
    """Read a number, true or false that is written as text, as in the environment; other text stays."""
    meant = scalar_value(value)
    if isinstance(meant, bool) or kind == "boolean":
        return meant if isinstance(meant, bool) and kind == "boolean" else value
    return meant if isinstance(meant, (int, float)) else value


def _fits(value: Value, kind: ArgumentKind) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "time":
        return isinstance(value, str) and time_of_day(value) is not None
    if isinstance(value, str):
        return parse_duration(value) is not None if kind == "duration" else not isinstance(from_text(value, kind), str)
    return kind != "boolean" and isinstance(value, (int, float))


def time_of_day(written: str) -> dt.time | None:
    """Read a time of the day such as ``06:30`` or ``23:59:30``; None for other text."""
    try:
        return dt.time.fromisoformat(written) if ":" in written else None
    except ValueError:
        return None


def mapping(node: Node) -> Value:
    """Read a mapping of plain values; dates are text as they were written, for Airflow keeps such values as JSON."""
    if not isinstance(node, Mapping):
        raise Invalid(f"must be a mapping, not {shape(node)}")
    if any(key.text.startswith("$") for key, _ in node.entries):
        raise Invalid("a marker such as $t is only read under 'with'", "write the value itself", Code.MARKER_PLACE)
    return plain_value(node)


def plain_value(node: Node) -> Value:
    """Read a plain value of any shape, with dates as they were written."""
    if _holds_marker(node):
        raise Invalid("a marker such as $t is only read under 'with'", "write the value itself", Code.MARKER_PLACE)
    if _holds(node, OBJECT_KEY):
        raise Invalid(NO_OBJECTS, "write the values themselves", Code.PYTHON_OBJECT)
    return frozen(_without_dates(node))


#: dag-factory's key for the class of a Python object
OBJECT_KEY: Final = "__type__"
NO_OBJECTS: Final = "'__type__' makes no Python object here"


def _holds(node: Node, name: str) -> bool:
    """Tell whether a mapping in ``node`` has a key of this name."""
    if isinstance(node, Sequence):
        return any(_holds(item, name) for item in node.items)
    if isinstance(node, Mapping):
        return any(key.text == name or _holds(inner, name) for key, inner in node.entries)
    return False


def _without_dates(node: Node) -> object:
    if isinstance(node, Sequence):
        return [_without_dates(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: _without_dates(inner) for key, inner in node.entries}
    return node.text if isinstance(node.value, dt.date) else node.value


def _holds_marker(node: Node) -> bool:
    if isinstance(node, Sequence):
        return any(_holds_marker(item) for item in node.items)
    if isinstance(node, Mapping):
        return any(key.text in MARKERS or _holds_marker(inner) for key, inner in node.entries)
    return False


#: kinds that are read without their places; for the others see options.reader
_READERS: Final[dict[ArgumentKind, Callable[[Node], Value]]] = {
    "text": text,
    "texts": texts,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "date": date,
    "duration": duration,
    "mapping": mapping,
    "function": function,
}


def shape(node: Node) -> str:
    """Write what a node is, for the end of a sentence."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.value is None:
        return "empty"
    if isinstance(node.value, str):
        written = node.value if len(node.value) <= 60 else f"{node.value[:57]}…"
        return f"the text '{written}'" if written else "an empty text"
    return node.text


def frozen(value: object) -> Value:
    """Make a plain Python value with tuples for lists, as the values of a pipeline are."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return value  # type: ignore[return-value]


MARKERS: Final = {
    "$t": "$t",
    "$template": "$t",
    "$x": "$x",
    "$xcom": "$x",
    "$f": "$f",
    "$file": "$f",
    "$const": "$const",
    "$new": "$new",
    "$item": "$item",
}


def marker_key(node: Node) -> Scalar | None:
    """Give the key that makes ``node`` a marker (or a mistaken one), or None for a literal."""
    if isinstance(node, Mapping):
        for key, _ in node.entries:
            if key.text.startswith("$") and not key.text.startswith("${{"):
                return key
    return None
