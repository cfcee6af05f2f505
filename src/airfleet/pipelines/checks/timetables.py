"""A schedule that is a timetable: whether its class takes its arguments, and whether they mean what they should.

Classes are read as text. Unreadable classes, as those of another language, are left to the importer.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.errors import did_you_mean
from airfleet.metadata import column_limits
from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.annotations import items_in, words_in
from airfleet.pipelines.analysis.constructors import ConstructorArguments, taken
from airfleet.pipelines.analysis.modules import Definition, MissingDefinition
from airfleet.pipelines.checks import limits
from airfleet.pipelines.checks.check_context import Checking, markers_in, not_found
from airfleet.pipelines.language import cron
from airfleet.pipelines.language.spec import NewObject, Timetable, Value
from airfleet.pipelines.upgrade import imports
from airfleet.problem_codes import Code
from airfleet.yaml.durations import calendar_duration, parse_duration


def check_timetable(timetable: Timetable, checking: Checking) -> None:
    """Note every problem of a schedule of ``uses`` and ``with``."""
    if wrong := imports.gone(timetable.path):
        checking.problem("schedule.uses", *wrong, code=Code.OPERATOR_GONE)
        return
    module, _, name = timetable.path.rpartition(".")
    if not module or ":" in timetable.path:
        hint = "write airflow.timetables.trigger.CronTriggerTimetable, for example"
        sentence = f"'{timetable.path}' is not the import path of a class"
        checking.problem("schedule.uses", sentence, hint, Code.TIMETABLE)
        return
    found = modules.find(module, name, checking.installed.roots)
    if isinstance(found, MissingDefinition):
        missing = not_found(found, "timetable", checking.hints)
        checking.problem("schedule.uses", *missing, code=Code.NAME_NOT_FOUND)
        return
    for path, _marker in markers_in(timetable.args, "schedule.with"):
        sentence = "a marker such as $t is only read under 'with' of a task"
        checking.problem(path, sentence, "write the value itself", Code.MARKER_PLACE)
    _check_stored(timetable.args, checking)
    if timetable.path.startswith("airflow."):
        _check_by_name(name, timetable.args, checking)
    takes = taken(found, checking.installed.roots) if isinstance(found, Definition) else None
    if takes is not None:
        _check_names(name, timetable.args, takes, checking)
        for argument, value in timetable.args.items():
            if argument in takes.annotations:
                _check_value(argument, value, takes.annotations[argument], checking)


# --- what it is given


def _check_names(name: str, args: Mapping[str, Value], takes: ConstructorArguments, checking: Checking) -> None:
    unknown = [given for given in args if given not in takes.annotations] if not takes.open else []
    for given in unknown:
        hint = did_you_mean(given, takes.annotations) or (
            f"it takes {', '.join(takes.annotations)}" if takes.annotations else "it takes none"
        )
        sentence = f"{name} takes no argument '{given}'"
        checking.problem(f"schedule.with.{given}", sentence, hint, Code.ARGUMENT_NOT_TAKEN)
    if not unknown:
        for missing in takes.required:
            if missing not in args:
                hint = "write it under 'with' of the schedule"
                checking.problem("schedule", f"{name} needs '{missing}'", hint, Code.ARGUMENT_MISSING)


def _check_value(name: str, value: Value, annotation: str, checking: Checking) -> None:
    path, words, items = f"schedule.with.{name}", words_in(annotation), items_in(annotation)
    if value is None and words & {"timedelta", "relativedelta"} and "None" not in annotation:
        hint = "leave it out, or write a duration such as 90s, 5m or 1h30m"
        checking.problem(path, "cannot be null", hint, Code.DURATION)
    if value is None or isinstance(value, NewObject) or any(True for _ in markers_in(value, path)):
        return
    if words & {"Timezone", "FixedTimezone"} or name == "timezone":
        _note(path, _zone_problem(value), checking, Code.TIME_ZONE)
    elif name in _CRONS:
        _check_crons(value, path, checking)
    elif "timedelta" in words:
        _note(path, _duration_problem(name, value, words), checking, Code.DURATION)
    elif items & {"datetime", "DateTime"}:
        _check_moments(value, path, checking)
    elif words == {"bool"} and not isinstance(value, bool):
        _note(path, (f"must be true or false, not {_shown(value)}", None), checking, Code.ARGUMENT_TYPE)


def _check_stored(args: Mapping[str, Value], checking: Checking) -> None:
    """Check arguments, which are stored with the Dag; those of an asset in columns of JSON, without infinity."""
    for at, item in limits.leaves(args, "schedule.with"):
        if isinstance(item, str) and (wrong := column_limits.unstorable(item)):
            checking.problem(at, wrong, code=Code.UNSTORABLE)
        elif isinstance(item, float) and not math.isfinite(item):
            checking.problem(at, f"must be a finite number, not {item}", code=Code.UNSTORABLE)


def _check_by_name(name: str, args: Mapping[str, Value], checking: Checking) -> None:
    """Check rules that only the code of Airflow's own classes has."""
    if name == "ContinuousTimetable" and checking.pipeline.options.get("max_active_runs") != 1:
        sentence = "ContinuousTimetable needs one run at a time"
        checking.problem("schedule", sentence, "add 'max_active_runs: 1'", Code.CONTRADICTION)
    for argument in _IDENTIFIERS if name in ("Asset", "AssetAlias") else ():
        value, path = args.get(argument), f"schedule.with.{argument}"
        if isinstance(value, str):
            _note(path, _identifier_problem(argument, value), checking, Code.ASSET)


#: arguments of assets that are kept in columns, whose width Airflow checks itself
_IDENTIFIERS: Final = ("name", "uri", "group")
_MOST_OF_AN_IDENTIFIER: Final = 1500


def _identifier_problem(argument: str, value: str) -> tuple[str, str | None] | None:
    if not value.strip() and (value or argument != "group"):
        return "must not be empty", None
    if len(value) > _MOST_OF_AN_IDENTIFIER:
        return f"is {len(value)} characters long; Airflow takes {_MOST_OF_AN_IDENTIFIER}", None
    if argument == "name" and value in ("self", "context"):
        return f"no asset can be called '{value}' in Airflow", None
    if argument == "uri" and value.partition(":")[0].lower() == "airflow":
        return "the scheme 'airflow' is reserved for Airflow itself", None
    return None


#: what Airflow's timetables call their cron expressions
_CRONS: Final = ("cron", "expression", "crons")


def _note(path: str, wrong: tuple[str, str | None] | None, checking: Checking, code: Code) -> None:
    if wrong:
        checking.problem(path, *wrong, code=code)


def _zone_problem(value: Value) -> tuple[str, str | None] | None:
    if not isinstance(value, str):
        return f"must be the name of a time zone, not {_shown(value)}", None
    import zoneinfo  # late: few timetables name a zone

    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        lower = {name.lower(): name for name in known}
        near = lower.get(value.lower())
        hint = f"did you mean '{near}'?" if near else did_you_mean(value, known)
        return f"there is no time zone '{value}'", hint or "one such as Europe/Berlin or UTC"
    return None


def _check_crons(value: Value, path: str, checking: Checking) -> None:
    several = isinstance(value, tuple)
    for at, item in _items(value, path):
        if not isinstance(item, str):
            _note(at, (f"must be a cron expression, not {_shown(item)}", None), checking, Code.CRON)
        elif item.strip() in ("@once", "@continuous"):
            _note(at, (f"'{item}' is no time that comes again", f"write schedule: '{item}'"), checking, Code.CRON)
        elif wrong := cron.problem_of(item):
            _note(at, wrong, checking, Code.CRON)
        elif too_long := cron.too_long_to_describe(item):
            _note(at, (too_long, None), checking, Code.CRON)
    if several and not value:
        _note(path, ("needs at least one cron expression", None), checking, Code.CRON)


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
        return f"must be more than nothing, not {value}", None
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
