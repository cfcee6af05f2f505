"""``schedule``: a node becomes a cron expression, several, a length, moments, assets, or any timetable."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from airfleet.pipelines.language.markers import arguments, value
from airfleet.pipelines.language.spec import (
    AssetExpression,
    AssetSchedule,
    Crons,
    Events,
    Every,
    NewObject,
    Partition,
    Schedule,
    TimeSchedule,
    Timetable,
    Value,
)
from airfleet.pipelines.language.values import (
    OBJECT_KEY,
    Invalid,
    boolean,
    date,
    duration,
    integer,
    length,
    required_text,
    text,
    truth,
)
from airfleet.pipelines.reading.schedules import assets, hints
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null, plain
from airfleet.yaml.problems import Report, joined

WHAT: Final = "must be a cron expression, a preset such as '@daily', a list of cron expressions, a mapping, or null"
NEEDS_USES: Final = "a timetable needs 'uses', the import path of its class"
_ZONED: Final = re.compile(r"\s*CRON_TZ=(\S*)(?:\s+(.*))?", re.DOTALL)


def schedule(node: Node, path: str, report: Report) -> Schedule:
    """Read a schedule in any of its forms; None when it is null or wrong (noted in ``report``)."""
    report.places[path] = node.place
    if is_null(node):
        return None
    found = _schedule(node, path, report)
    if found is None:
        report.note_slip(path)
    return found


def _schedule(node: Node, path: str, report: Report) -> Schedule:
    if isinstance(node, Mapping):
        return _by_key(node, path, report)
    if isinstance(node, Sequence):
        return _list(node, path, report)
    if isinstance(node.value, str):
        return _text(node.value, path)
    report.problem(node, path, WHAT, code=Code.SCHEDULE)
    return None


# --- cron expressions


def _text(written: str, path: str) -> TimeSchedule:
    """Take a zone before the expression from it."""
    zone, expression = _zone_and_expression(written)
    if zone is None:
        return written
    return Crons((expression,), zone, paths=(path,), timezone_path=path)


def _zone_and_expression(written: str) -> tuple[str | None, str]:
    zoned = _ZONED.fullmatch(written)
    return (zoned[1], zoned[2] or "") if zoned else (None, written)


def _list(node: Sequence, path: str, report: Report) -> TimeSchedule | None:
    """Read a list of cron expressions; others mean assets by it, or mix both."""
    if not node.items:
        hint = "write null for a Dag that is only run by hand"
        report.problem(node, path, "needs at least one cron expression", hint, Code.SCHEDULE)
        return None
    if of_assets := hints.of_list(plain(node)):
        report.problem(node, path, *of_assets, code=Code.SCHEDULE)
        return None
    return _expressions(node, path, report)


def _expressions(node: Node, path: str, report: Report) -> Crons | None:
    """Read one cron expression or several, which have one time zone."""
    report.places[path] = node.place
    items = node.items if isinstance(node, Sequence) else (node,)
    paths = tuple(f"{path}[{index}]" for index in range(len(items))) if isinstance(node, Sequence) else (path,)
    if not items:
        report.problem(node, path, "needs at least one cron expression", code=Code.CRON)
    found = [_expression(item, at, report) for item, at in zip(items, paths, strict=True)]
    right = [(one, at) for one, at in zip(found, paths, strict=True) if one is not None]
    if not right:
        return None
    zones = {zone for (zone, _), _ in right}
    if len(zones) > 1:
        hint = "write {cron: […], timezone: Europe/Berlin}, or a pipeline for each time zone"
        report.problem(node, path, "all cron expressions of a schedule are in one time zone", hint, code=Code.CRON)
        return None
    texts, places = tuple(text for (_, text), _ in right), tuple(at for _, at in right)
    return Crons(texts, zones.pop(), paths=places, timezone_path=places[0])


def _expression(node: Node, path: str, report: Report) -> tuple[str | None, str] | None:
    report.places[path] = node.place
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return _zone_and_expression(node.value)
    report.problem(node, path, "must be a cron expression or a preset such as '@daily'", code=Code.CRON)
    return None


# --- mappings


@dataclass(frozen=True)
class _Form:
    """One form of a schedule: its reader, and the keys that may stand beside the leading one."""

    read: Callable[[_Keys, str, Report], Schedule]
    beside: tuple[str, ...] = ()


_Keys: TypeAlias = dict[str, Node]


def _by_key(node: Mapping, path: str, report: Report) -> Schedule:
    keys = {key.text: value for key, value in node.entries}
    leading = [name for name in _FORMS if name in keys]
    if not leading or OBJECT_KEY in keys:
        report.problem(node, path, *_no_form(node), code=Code.SCHEDULE)
        return None
    first, *others = leading
    if others:
        sentence = f"has '{first}' and '{others[0]}', but a schedule is one of them"
        report.problem(
            node, path, sentence, "for assets or times, write {assets: […], or: '@daily'}", code=Code.SCHEDULE
        )
        return None
    form = _FORMS[first]
    for key, _ in node.entries:
        if key.text != first and key.text not in form.beside:
            report.problem(key, joined(path, key.text), *_odd_key(key.text, first, form, report), code=Code.UNKNOWN_KEY)
    return form.read(keys, path, report)


def _no_form(node: Mapping) -> tuple[str, str | None]:
    """Describe a mapping that has none of the keys that say what it is, as (sentence, hint)."""
    if (cls := node.get(OBJECT_KEY)) is not None:
        given = ", ".join(f"{key.text}: …" for key, _ in node.entries if key.text != OBJECT_KEY)
        return NEEDS_USES, f"write schedule: {{uses: {plain(cls)}, with: {{{given}}}}}"
    if node.get("with") is not None or node.get("args") is not None:
        return NEEDS_USES, None
    if meant := hints.of_mapping(plain(node)):
        return meant
    return f"says no schedule; there are {', '.join(_FORMS)}", None


def _odd_key(name: str, first: str, form: _Form, report: Report) -> tuple[str, str | None]:
    known = (first, *form.beside)
    hint = report.hints.did_you_mean(name, known) or f"there are {', '.join(known)}"
    return f"a schedule by '{first}' has no '{name}'", hint


def _cron(keys: _Keys, path: str, report: Report) -> TimeSchedule | None:
    found = _expressions(keys["cron"], joined(path, "cron"), report)
    zone = _option(keys, "timezone", path, report, text)
    interval = _option(keys, "interval", path, report, _boolean_or_length)
    immediately = _option(keys, "run_immediately", path, report, _boolean_or_duration)
    partition = _partition(keys.get("partition"), joined(path, "partition"), report)
    if found is None:
        return None
    if found.timezone is not None and zone is not None:
        report.problem(
            keys["timezone"],
            joined(path, "timezone"),
            "is said twice: 'cron' names a time zone, too",
            code=Code.CONTRADICTION,
        )
    return Crons(
        found.expressions,
        zone if isinstance(zone, str) else found.timezone,
        interval,  # type: ignore[arg-type]
        immediately,  # type: ignore[arg-type]
        partition,
        found.paths,
        joined(path, "timezone") if zone is not None else found.timezone_path,
    )


def _option(keys: _Keys, name: str, path: str, report: Report, read: Callable[[Node], object]) -> object:
    """Read what may stand beside the leading key; None when it does not, or is wrong."""
    node = keys.get(name)
    if node is None or is_null(node):
        return None
    path = joined(path, name)
    report.places[path] = node.place
    try:
        return read(node)
    except Invalid as wrong:
        report.problem(node, path, str(wrong), wrong.hint, code=wrong.code)
        return None


def _boolean_or_length(node: Node) -> object:
    return length(node) if (found := truth(node)) is None else found


def _boolean_or_duration(node: Node) -> object:
    return duration(node) if (found := truth(node)) is None else found


def _partition(node: Node | None, path: str, report: Report) -> Partition | None:
    if node is None or is_null(node):
        return None
    report.places[path] = node.place
    if (found := truth(node)) is not None:
        return Partition() if found else None
    if not isinstance(node, Mapping):
        report.problem(
            node, path, "must be true or a mapping", "write {key_format: '%Y-%m-%d', offset: -1}", code=Code.SCHEDULE
        )
        return None
    for key, _ in node.entries:
        if key.text not in ("offset", "key_format"):
            hint = report.hints.did_you_mean(key.text, ("offset", "key_format")) or "there are offset, key_format"
            report.problem(key, joined(path, key.text), f"a partition has no '{key.text}'", hint, code=Code.UNKNOWN_KEY)
    keys = {key.text: value for key, value in node.entries}
    offset, key_format = (
        _option(keys, name, path, report, read) for name, read in (("offset", integer), ("key_format", text))
    )
    return Partition(offset, key_format)  # type: ignore[arg-type]


def _every(keys: _Keys, path: str, report: Report) -> Every | None:
    if is_null(keys["every"]):
        report.problem(
            keys["every"], joined(path, "every"), "must be a duration such as 5m or P1M, not empty", code=Code.DURATION
        )
    found = _option(keys, "every", path, report, length)
    return Every(found) if found is not None else None  # type: ignore[arg-type]


def _events(keys: _Keys, path: str, report: Report) -> Events | None:
    node, at = keys["events"], joined(path, "events")
    report.places[at] = node.place
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.problem(node, at, "needs at least one date", code=Code.SCHEDULE)
    moments = []
    for index, item in enumerate(items):
        place = f"{at}[{index}]" if isinstance(node, Sequence) else at
        report.places[place] = item.place
        try:
            moments.append(date(item))
        except Invalid as wrong:
            report.problem(item, place, str(wrong), wrong.hint, code=wrong.code)
    restrict = _option(keys, "restrict_to_events", path, report, boolean)
    description = _option(keys, "description", path, report, text)
    return Events(tuple(moments), bool(restrict), description) if moments else None  # type: ignore[arg-type]


def _assets(keys: _Keys, path: str, report: Report) -> AssetSchedule | None:
    return _with_or(assets.condition(keys["assets"], joined(path, "assets"), report), keys, path, report)


def _all(keys: _Keys, path: str, report: Report) -> AssetSchedule | None:
    return _with_or(assets.condition_by_key("all", keys["all"], joined(path, "all"), report), keys, path, report)


def _any(keys: _Keys, path: str, report: Report) -> AssetSchedule | None:
    return _with_or(assets.condition_by_key("any", keys["any"], joined(path, "any"), report), keys, path, report)


def _with_or(found: AssetExpression | None, keys: _Keys, path: str, report: Report) -> AssetSchedule | None:
    """Read the times beside the assets."""
    at = joined(path, "or")
    times = schedule(keys["or"], at, report) if "or" in keys else None
    if isinstance(times, AssetSchedule):
        report.problem(
            keys["or"], at, "must be times, not assets", "write {any: […]} for more assets", code=Code.SCHEDULE
        )
        return None
    mapper = _mapper(keys.get("partition"), joined(path, "partition"), report)
    return AssetSchedule(found, times, mapper) if found is not None else None


def _mapper(node: Node | None, path: str, report: Report) -> bool | NewObject:
    """Read ``partition`` of assets: true, or the object that maps the keys."""
    if node is None or is_null(node):
        return False
    report.places[path] = node.place
    if (found := truth(node)) is not None:
        return found
    made = value(node, path, report) if isinstance(node, Mapping) and node.get("$new") is not None else None
    if isinstance(made, NewObject):
        return made
    if not report.is_wrong(path) and not (isinstance(node, Mapping) and node.get("$new") is not None):
        hint = "write partition: {$new: airflow.sdk.StartOfDayMapper}, for example"
        report.problem(node, path, "must be true or an object that maps partition keys", hint, Code.SCHEDULE)
    return False


def _timetable(keys: _Keys, path: str, report: Report) -> Timetable:
    return Timetable(
        required_text(keys["uses"], joined(path, "uses"), report),
        arguments(keys.get("with"), joined(path, "with"), report),
        _unnamed(keys.get("args"), joined(path, "args"), report),
    )


def _unnamed(node: Node | None, path: str, report: Report) -> tuple[Value, ...]:
    """Read the arguments that have no name."""
    if node is None or is_null(node):
        return ()
    report.places[path] = node.place
    if not isinstance(node, Sequence):
        report.problem(
            node, path, "must be a list of arguments", "arguments with a name go under 'with'", code=Code.WRONG_TYPE
        )
        return ()
    return tuple(value(item, f"{path}[{index}]", report) for index, item in enumerate(node.items))


#: the key that says what a schedule is, and what may stand beside it
_FORMS: Final[dict[str, _Form]] = {
    "cron": _Form(_cron, ("timezone", "interval", "run_immediately", "partition")),
    "every": _Form(_every),
    "events": _Form(_events, ("restrict_to_events", "description")),
    "assets": _Form(_assets, ("or", "partition")),
    "all": _Form(_all, ("or", "partition")),
    "any": _Form(_any, ("or", "partition")),
    "uses": _Form(_timetable, ("with", "args")),
}
