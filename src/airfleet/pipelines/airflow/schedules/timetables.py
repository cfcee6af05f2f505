"""The schedule of a pipeline as ``DAG(schedule=…)`` takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pendulum
from airflow.sdk import (
    DAG,
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    CronPartitionTimetable,
    CronTriggerTimetable,
    MultipleCronTriggerTimetable,
    PartitionedAssetTimetable,
)
from airflow.timetables.events import EventsTimetable
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

from airfleet.pipelines.airflow.airflow_values import MARKERS, RENDERED, converted, has_marker, in_zone, lower
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, said_by
from airfleet.pipelines.airflow.operator_classes import NotImported, annotation, imported
from airfleet.pipelines.airflow.schedules import assets
from airfleet.pipelines.language.spec import (
    AssetSchedule,
    CalendarLength,
    Crons,
    Events,
    Every,
    Length,
    NewObject,
    Schedule,
    TimeSchedule,
    Timetable,
    Value,
)
from airfleet.problem_codes import Code


def schedule(value: Schedule, path: str, context: BuildContext) -> Any:
    """Make what a Dag takes as its schedule; None when that fails (noted in ``context``)."""
    try:
        return _assets(value, path, context) if isinstance(value, AssetSchedule) else _times(value, path, context)
    except RAISED as error:  # Airflow's timetables refuse values in many ways
        context.wrong(path, said_by(error, "the schedule"))
        return None


def _times(value: TimeSchedule | None, path: str, context: BuildContext) -> Any:
    match value:
        case Timetable():
            return _timetable(value, path, context)
        case Crons():
            return _crons(value, context)
        case Every():
            return _length(value.length)
        case Events():
            moments = sorted(in_zone(moment, context.zone) for moment in value.moments)
            return EventsTimetable(moments, value.restrict_to_events, True, value.description)
        case str():
            return value if context.pipeline.timezone is None else _as_airflow_does(value, context.pipeline.timezone)
        case None:
            return None


def _length(length: Length) -> Any:
    if isinstance(length, CalendarLength):
        return relativedelta(years=length.years, months=length.months, seconds=length.rest.total_seconds())
    return length


# --- cron expressions


def _crons(value: Crons, context: BuildContext) -> Any:
    zone = value.timezone or context.pipeline.timezone
    known: Any = zone or _zone_of_dag(context)
    first = value.expressions[0]
    immediately = {} if value.run_immediately is None else {"run_immediately": value.run_immediately}
    if value.partition is not None:
        key_format = {} if value.partition.key_format is None else {"key_format": value.partition.key_format}
        given: dict[str, Any] = {"run_offset": value.partition.offset, **key_format, **immediately}
        return CronPartitionTimetable(first, timezone=known, **given)
    if value.interval is True:
        return CronDataIntervalTimetable(first, timezone=known)
    interval = {} if value.interval in (None, False) else {"interval": _length(value.interval)}  # type: ignore[arg-type]
    if len(value.expressions) > 1:
        return MultipleCronTriggerTimetable(*value.expressions, timezone=known, **interval, **immediately)
    if value.interval is None and value.run_immediately is None:
        return first if zone is None else _as_airflow_does(first, zone)
    return CronTriggerTimetable(first, timezone=known, **interval, **immediately)


def _as_airflow_does(expression: str, zone: str) -> Any:
    """Let Airflow choose the timetable of an expression in a time zone, as its configuration says."""
    return _timetable_of(expression, start_date=pendulum.datetime(2000, 1, 1, tz=zone))


def _timetable_of(value: Any, **given: Any) -> Any:
    return DAG("of-a-schedule", schedule=value, max_active_runs=1, **given).timetable


def _zone_of_dag(context: BuildContext) -> Any:
    """Give the time zone that Airflow has for a Dag: that of its start, or the default one."""
    pipeline = context.pipeline
    start = pipeline.options.get("start_date") or pipeline.defaults.get("start_date")
    return DAG("of-a-start", start_date=in_zone(start, context.zone) if start else None).timezone


# --- assets


def _assets(value: AssetSchedule, path: str, context: BuildContext) -> Any:
    before = len(context.problems)
    condition = assets.expression(value.assets, context)
    if value.partition and condition is not None:
        return _partitioned(condition, value.partition, f"{path}.partition", context)
    if value.or_time is None:
        return condition
    times = _times(value.or_time, f"{path}.or", context)
    if len(context.problems) > before:
        return None
    if isinstance(times, str):
        times = _timetable_of(times, start_date=pendulum.datetime(2000, 1, 1, tz=_zone_of_dag(context)))
    return AssetOrTimeSchedule(timetable=_timetable_of(times), assets=condition)


def _partitioned(condition: Any, partition: bool | NewObject, path: str, context: BuildContext) -> Any:
    if partition is True:
        return PartitionedAssetTimetable(assets=condition)
    mapper = lower(partition, path, context, guard=False)
    return PartitionedAssetTimetable(assets=condition, default_partition_mapper=mapper)


# --- any timetable


def _timetable(value: Timetable, path: str, context: BuildContext) -> Any:
    try:
        cls: Any = imported(value.path)
        given, named = _arguments(value, cls, path, context)
        made = cls(*given, **named)
        if _is_schedule(made):
            return made
        context.wrong(f"{path}.uses", f"'{value.path}' makes no timetable and no asset", code=Code.TIMETABLE)
    except NotImported as error:
        context.wrong(f"{path}.uses", error.sentence, error.hint, Code.NOT_IMPORTED)
    except RAISED as error:  # a timetable is the user's own code
        context.wrong(path, said_by(error, value.path.rpartition(".")[2]))
    return None


def _is_schedule(made: Any) -> bool:
    """Tell whether a Dag takes this as its schedule."""
    try:
        _timetable_of(made)
    except ValueError:
        return False
    return True


def _arguments(
    value: Timetable, cls: Callable[..., Any], path: str, context: BuildContext
) -> tuple[list[Any], dict[str, Any]]:
    """Return a timetable's arguments: those without a name, or the list behind its ``*names``, and all others."""
    parameters = inspect.signature(cls).parameters
    places = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p for p in parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    given: list[Any] = []
    for index, item in enumerate(value.unnamed):
        parameter = places[index] if index < len(places) else rest
        written = annotation(parameter) if parameter is not None else ""
        given.append(_argument(item, written, f"{path}.args[{index}]", context))
    named: dict[str, Any] = {}
    for name, item in value.args.items():
        parameter, at = parameters.get(name), f"{path}.with.{name}"
        if parameter is not None and parameter is rest:
            items = item if isinstance(item, tuple) else (item,)
            given += [_argument(one, annotation(parameter), at, context) for one in items]
        else:
            written = annotation(parameter) if parameter is not None else ""
            named[name] = _argument(item, written, at, context)
    return given, named


def _argument(value: Value, written: str, path: str, context: BuildContext) -> Any:
    if has_marker(value, (NewObject,)) and not has_marker(value, RENDERED):
        return lower(value, path, context, guard=False)
    if has_marker(value, MARKERS):
        sentence = "a marker ($t, $x, $f, $const) stands only under 'with' of a task"
        context.wrong(path, sentence, code=Code.MARKER_PLACE)
        return None
    return converted(value, written, path, context)
