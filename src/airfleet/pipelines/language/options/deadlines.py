"""Deadlines: ``{reference: queued_at, interval: 1h, callback: module:function}``, an object, or a list of these."""

from __future__ import annotations

import datetime as dt
from typing import Final

from airfleet.pipelines.language.options.callbacks import callback, object_alone
from airfleet.pipelines.language.spec import Deadline, NewObject, Value
from airfleet.pipelines.language.values import Invalid, date, duration, integer, marker_key, noted, shape, text
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import Report, joined

#: moments of every run -> their names in Airflow
REFERENCES: Final = {"logical_date": "DAGRUN_LOGICAL_DATE", "queued_at": "DAGRUN_QUEUED_AT"}
AVERAGE: Final = "average_runtime"
_REFERENCE: Final = "airflow.sdk.DeadlineReference."
_INTERVAL: Final = "airflow.sdk.definitions.deadline.VariableInterval"
_KEYS: Final = ("reference", "interval", "callback", "name")


def deadlines(node: Node, path: str, report: Report) -> Value:
    """Read a deadline, or a list of them."""
    if not isinstance(node, Sequence):
        return _deadline(node, path, report)
    return tuple(_deadline(item, f"{path}[{index}]", report) for index, item in enumerate(node.items))


def _deadline(node: Node, path: str, report: Report) -> Deadline | NewObject | None:
    if not isinstance(node, Mapping):
        hint = "write {reference: queued_at, interval: 1h, callback: module:function}"
        report.problem(node, path, f"must be a deadline, not {shape(node)}", hint, Code.WRONG_SHAPE)
        return None
    if marker_key(node) is not None:
        return object_alone(node, path, report)
    for key, _ in node.entries:
        if key.text not in _KEYS:
            near = report.hints.did_you_mean(key.text, _KEYS)
            report.problem(key, path, f"a deadline has no '{key.text}'", near, Code.UNKNOWN_KEY)
    reference = _part(node, "reference", path, report)
    interval = _part(node, "interval", path, report)
    called = _part(node, "callback", path, report)
    if reference is None or interval is None or called is None:
        return None
    name = node.get("name")
    made = (
        _reference(reference, joined(path, "reference"), report),
        _interval(interval, joined(path, "interval"), report),
        callback(called, joined(path, "callback"), report),
        noted(text, name, joined(path, "name"), report) if name is not None else None,
    )
    return None if None in made[:3] else Deadline(*made)  # type: ignore[arg-type]


def _part(node: Mapping, name: str, path: str, report: Report) -> Node | None:
    found = node.get(name)
    if found is None and not report.is_wrong(path):
        report.problem(node, path, f"a deadline needs '{name}'", code=Code.MISSING_KEY)
    return found


def _reference(node: Node, path: str, report: Report) -> str | NewObject | None:
    if isinstance(node, Mapping):
        return object_alone(node, path, report) if marker_key(node) is not None else _average(node, path, report)
    written = node.value if isinstance(node, Scalar) else None
    if isinstance(written, str) and written in REFERENCES:
        return written
    if written == AVERAGE:
        return NewObject(f"{_REFERENCE}AVERAGE_RUNTIME")
    moment = _moment(node)
    if moment is not None:
        return NewObject(f"{_REFERENCE}FIXED_DATETIME", (moment,))
    known = (*REFERENCES, AVERAGE)
    hint = report.hints.did_you_mean(str(written), known) or f"one of {', '.join(known)}, or a date"
    shown = f"the text '{written}'" if isinstance(written, str) else shape(node)
    report.problem(node, path, f"must be what the interval begins with, not {shown}", hint, Code.NOT_A_CHOICE)
    return None


def _moment(node: Node) -> dt.datetime | None:
    try:
        return date(node)
    except Invalid:
        return None


def _average(node: Mapping, path: str, report: Report) -> NewObject | None:
    """Read ``{average_runtime: {max_runs: 10, min_runs: 5}}``."""
    inner = node.get(AVERAGE)
    if not isinstance(inner, Mapping) or len(node.entries) > 1:
        hint = f"write {{{AVERAGE}: {{max_runs: 10, min_runs: 5}}}}"
        report.problem(node, path, "must be what the interval begins with, not a mapping", hint, Code.WRONG_SHAPE)
        return None
    found = {}
    for key, item in inner.entries:
        at = f"{path}.{AVERAGE}.{key.text}"
        if key.text not in ("max_runs", "min_runs"):
            near = report.hints.did_you_mean(key.text, ("max_runs", "min_runs"))
            report.problem(key, at, f"the average has no '{key.text}'", near, Code.UNKNOWN_KEY)
            continue
        found[key.text] = runs = noted(integer, item, at, report)
        if isinstance(runs, int) and runs < 1:
            report.problem(item, at, f"must be 1 or more, not {runs}", code=Code.OUT_OF_RANGE)
    return NewObject(f"{_REFERENCE}AVERAGE_RUNTIME", kwargs=found)


def _interval(node: Node, path: str, report: Report) -> dt.timedelta | NewObject | None:
    """Read a duration, ``{variable: key}`` for one in a variable of Airflow, or an object."""
    if not isinstance(node, Mapping):
        return noted(duration, node, path, report)  # type: ignore[return-value]
    if marker_key(node) is not None:
        return object_alone(node, path, report)
    key = node.get("variable")
    if key is None or len(node.entries) > 1:
        hint = "write 1h, or {variable: key} for a variable of Airflow that holds seconds"
        report.problem(node, path, "must be a duration, not a mapping", hint, Code.DURATION)
        return None
    name = noted(text, key, joined(path, "variable"), report)
    return NewObject(_INTERVAL, (name,)) if name else None
