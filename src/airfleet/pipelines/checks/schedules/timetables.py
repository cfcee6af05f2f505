"""A schedule that is a timetable: whether its class takes its arguments, and whether they mean what they should.

Classes are read as text. Unreadable classes, as those of another language, are left to the importer.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.errors import Suggestion, did_you_mean
from airfleet.metadata import column_limits
from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.annotations import items_in, words_in
from airfleet.pipelines.analysis.constructors import ConstructorArguments, taken
from airfleet.pipelines.analysis.modules import Definition, MissingDefinition
from airfleet.pipelines.checks import limits
from airfleet.pipelines.checks.check_context import Checking, markers_in, not_found
from airfleet.pipelines.checks.named.objects import check_objects, is_another_class
from airfleet.pipelines.checks.schedules.assets import identifier_problem
from airfleet.pipelines.language import cron
from airfleet.pipelines.language.schedules import is_storable
from airfleet.pipelines.language.spec import NewObject, Timetable, Value
from airfleet.pipelines.upgrade import imports
from airfleet.problem_codes import Code
from airfleet.yaml.durations import calendar_duration, parse_duration


def check_timetable(timetable: Timetable, path: str, checking: Checking) -> None:
    """Note every problem of a schedule of ``uses``, ``with`` and ``args``, which stands at ``path``."""
    if wrong := imports.gone(timetable.path):
        checking.problem(f"{path}.uses", *wrong, code=Code.OPERATOR_GONE)
        return
    if not is_storable(timetable.path):
        sentence = "Airflow stores this timetable without what it needs to read it again"
        checking.problem(f"{path}.uses", sentence, "write schedule: {events: [2026-12-24, …]}", Code.TIMETABLE)
        return
    module, _, name = timetable.path.rpartition(".")
    if not module or ":" in timetable.path:
        hint = "write airflow.timetables.trigger.CronTriggerTimetable, for example"
        sentence = f"'{timetable.path}' is not the import path of a class"
        checking.problem(f"{path}.uses", sentence, hint, Code.TIMETABLE)
        return
    found = modules.find(module, name, checking.installed.roots)
    if isinstance(found, MissingDefinition):
        missing = not_found(found, "timetable", checking.hints)
        checking.problem(f"{path}.uses", *missing, code=Code.NAME_NOT_FOUND)
        return
    if all(is_another_class(timetable.path, part, checking) for part in ("Timetable", "Asset")):
        sentence = f"'{timetable.path}' makes no timetable and no asset"
        checking.problem(f"{path}.uses", sentence, code=Code.TIMETABLE)
        return
    for at, _marker in (
        *markers_in(timetable.args, f"{path}.with"),
        *markers_in(timetable.unnamed, f"{path}.args"),
    ):
        sentence = "a marker such as $t is only read under 'with' of a task"
        checking.problem(at, sentence, "write the value itself", Code.MARKER_PLACE)
    check_objects(timetable.args, f"{path}.with", checking)
    check_objects(timetable.unnamed, f"{path}.args", checking)
    _check_stored(timetable.args, f"{path}.with", checking)
    _check_stored(timetable.unnamed, f"{path}.args", checking)
    if timetable.path.startswith("airflow."):
        _check_by_name(name, timetable.args, path, checking)
    takes = taken(found, checking.installed.roots) if isinstance(found, Definition) else None
    if takes is not None:
        _check_names(name, timetable, takes, path, checking)
        for argument, at, value in _given(timetable, takes, path):
            if argument in takes.annotations:
                _check_value(argument, value, takes.annotations[argument], at, checking)


# --- what it is given


def _given(timetable: Timetable, takes: ConstructorArguments, path: str) -> Iterator[tuple[str, str, Value]]:
    """Yield name, path and value of each argument; those without a name fill the parameters in their order."""
    for name, value in timetable.args.items():
        yield name, f"{path}.with.{name}", value
    for index, value in enumerate(timetable.unnamed):
        if place := _name_at(index, takes):
            yield place, f"{path}.args[{index}]", value


def _name_at(index: int, takes: ConstructorArguments) -> str | None:
    return takes.by_place[index] if index < len(takes.by_place) else takes.several


def _check_names(name: str, timetable: Timetable, takes: ConstructorArguments, path: str, checking: Checking) -> None:
    args = timetable.args
    unknown = [given for given in args if given not in takes.annotations] if not takes.open else []
    for given in unknown:
        hint = did_you_mean(given, takes.annotations) or (
            f"it takes {', '.join(takes.annotations)}" if takes.annotations else "it takes none"
        )
        sentence = f"{name} takes no argument '{given}'"
        checking.problem(f"{path}.with.{given}", sentence, hint, Code.ARGUMENT_NOT_TAKEN)
    most = len(takes.by_place)
    if takes.several is None and len(timetable.unnamed) > most:
        sentence = f"{name} takes {most} arguments by their place, not {len(timetable.unnamed)}"
        checking.problem(f"{path}.args", sentence, code=Code.ARGUMENT_NOT_TAKEN)
    if not unknown:
        by_place = {_name_at(index, takes) for index in range(len(timetable.unnamed))}
        for missing in takes.required:
            if missing not in args and missing not in by_place:
                hint = "write it under 'with' of the schedule"
                checking.problem(path, f"{name} needs '{missing}'", hint, Code.ARGUMENT_MISSING)


def _check_value(name: str, value: Value, annotation: str, path: str, checking: Checking) -> None:
    words, items = words_in(annotation), items_in(annotation)
    if value is None and words & {"timedelta", "relativedelta"} and "None" not in annotation:
        hint = "leave it out, or write a duration such as 90s, 5m or 1h30m"
        checking.problem(path, "cannot be null", hint, Code.DURATION)
    if value is None or isinstance(value, NewObject) or any(True for _ in markers_in(value, path)):
        return
    if words & {"Timezone", "FixedTimezone"} or name == "timezone":
        _note(path, zone_problem(value), checking, Code.TIME_ZONE)
    elif name in _CRONS:
        _check_crons(value, path, checking)
    elif "timedelta" in words:
        _note(path, _duration_problem(name, value, words), checking, Code.DURATION)
    elif items & {"datetime", "DateTime"}:
        _check_moments(value, path, checking)
    elif words == {"bool"} and not isinstance(value, bool):
        _note(path, (f"must be true or false, not {_shown(value)}", None), checking, Code.ARGUMENT_TYPE)


def _check_stored(args: Value, path: str, checking: Checking) -> None:
    """Check arguments, which are stored with the Dag; those of an asset in columns of JSON, without infinity."""
    for at, item in limits.leaves(args, path):
        if isinstance(item, str) and (wrong := column_limits.unstorable(item)):
            checking.problem(at, wrong, code=Code.UNSTORABLE)
        elif isinstance(item, float) and not math.isfinite(item):
            checking.problem(at, f"must be a finite number, not {item}", code=Code.UNSTORABLE)


def _check_by_name(name: str, args: Mapping[str, Value], path: str, checking: Checking) -> None:
    """Check rules that only the code of Airflow's own classes has."""
    if name == "ContinuousTimetable" and checking.pipeline.options.get("max_active_runs") != 1:
        sentence = "ContinuousTimetable needs one run at a time"
        checking.problem(path, sentence, "add 'max_active_runs: 1'", Code.CONTRADICTION)
    for argument in ("name", "uri", "group") if name in ("Asset", "AssetAlias") else ():
        value = args.get(argument)
        if isinstance(value, str):
            _note(f"{path}.with.{argument}", identifier_problem(argument, value), checking, Code.ASSET)


#: what Airflow's timetables call their cron expressions
_CRONS: Final = ("cron", "expression", "crons")


def _note(path: str, wrong: tuple[str, str | None] | None, checking: Checking, code: Code) -> None:
    if wrong:
        checking.problem(path, *wrong, code=code)


def zone_problem(value: Value) -> tuple[str, str | None] | None:
    """Say why a value names no time zone, as (sentence, hint); None when it does."""
    if not isinstance(value, str):
        return f"must be the name of a time zone, not {_shown(value)}", None
    import zoneinfo  # late: few timetables name a zone

    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        lower = {name.lower(): name for name in known}
        near = lower.get(value.lower())
        hint = Suggestion(value, near) if near else did_you_mean(value, known)
        return f"there is no time zone '{value}'", hint or "one such as Europe/Berlin or UTC"
    return None


def _check_crons(value: Value, path: str, checking: Checking) -> None:
    for at, item in _items(value, path):
        if isinstance(item, str):
            check_cron(item, at, checking)
        else:
            _note(at, (f"must be a cron expression, not {_shown(item)}", None), checking, Code.CRON)
    if isinstance(value, tuple) and not value:
        _note(path, ("needs at least one cron expression", None), checking, Code.CRON)


def check_cron(expression: str, path: str, checking: Checking) -> None:
    """Note what is wrong with a cron expression of a timetable, which is none that comes once or all the time."""
    if expression.strip() in ("@once", "@continuous"):
        hint = f"write schedule: '{expression.strip()}'"
        checking.problem(path, f"'{expression.strip()}' is no time that comes again", hint, Code.CRON)
    elif wrong := cron.problem_of(expression):
        checking.problem(path, *wrong, code=Code.CRON)
    elif too_long := cron.too_long_to_describe(expression):
        checking.problem(path, too_long, code=Code.CRON)


def _items(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, tuple):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value))
    else:
        yield path, value


def _duration_problem(name: str, value: Value, words: frozenset[str]) -> tuple[str, str | None] | None:
    if isinstance(value, bool):
        return None if "bool" in words else (_NO_DURATION.format(_shown(value)), None)
    if isinstance(value, int) and "int" in words:
        return None
    if isinstance(value, str) and (months := calendar_duration(value)):
        if "relativedelta" not in words:
            return "months and years are no fixed time, which it needs", "write days, as in 30d"
        found = dt.timedelta(days=365) * months[0] + dt.timedelta(days=30) * months[1] + months[2]
    elif isinstance(value, str):
        parsed = parse_duration(value)
        if parsed is None:
            hint = "months are written P1M, years P1Y" if "relativedelta" in words else None
            return _NO_DURATION.format(_shown(value)), hint
        found = parsed
    elif isinstance(value, (int, float)):
        try:
            found = dt.timedelta(seconds=value)
        except (OverflowError, ValueError):
            return _NO_DURATION.format(value), None
    else:
        return _NO_DURATION.format(_shown(value)), None
    if name == "delta" and found <= dt.timedelta():
        return "must be more than nothing", None
    too_long = limits.duration_misfit(found)
    return (too_long, None) if too_long else None


_NO_DURATION: Final = "must be a duration such as 90s, 5m or 1h30m, not {}"


def _check_moments(value: Value, path: str, checking: Checking) -> None:
    if not isinstance(value, tuple):
        _note(path, (f"must be a list of dates, not {_shown(value)}", None), checking, Code.DATE)
        return
    for at, item in _items(value, path):
        if not _is_moment(item):
            hint = "write 2026-01-31, or 2026-01-31T06:00:00+01:00"
            _note(at, (f"must be a date, not {_shown(item)}", hint), checking, Code.DATE)


def _is_moment(value: Value) -> bool:
    if isinstance(value, str):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, dt.date)


def _shown(value: Value) -> str:
    if isinstance(value, (tuple, Mapping)):
        return "a list" if isinstance(value, tuple) else "a mapping"
    return f"'{value}'"
