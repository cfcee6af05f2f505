"""Schedules and assets: what is in them, and how they are shown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airfleet.pipelines.language.spec import (
    Asset,
    AssetAlias,
    AssetCondition,
    AssetExpression,
    AssetLike,
    AssetReference,
    AssetSchedule,
    CalendarLength,
    Crons,
    Events,
    Every,
    Length,
    Pipeline,
    Schedule,
    Timetable,
)
from airfleet.yaml.durations import seconds_text

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: Airflow's timetables that never make a run by themselves
_NEVER: Final = ("NullTimetable", "PartitionedAtRuntime")


def is_address(written: str) -> bool:
    """Tell whether a text that stands for an asset is its address, not its name.

    >>> is_address("s3://lake/orders"), is_address("orders")
    (True, False)
    """
    return _ADDRESS.match(written) is not None


def is_never(timetable: Timetable) -> bool:
    """Tell whether a timetable is one of Airflow's own by which no run is made."""
    return timetable.path.startswith("airflow.") and timetable.path.rpartition(".")[2] in _NEVER


def is_storable(path: str) -> bool:
    """Tell whether Airflow stores a timetable with all that it needs to read it again."""
    return not (path.startswith("airflow.sdk.") and path.endswith(".EventsTimetable"))


@dataclass(frozen=True)
class Expression:
    """A cron expression or preset of a schedule, its place, and the time zone that it names itself."""

    text: str
    path: str
    timezone: str | None


def expressions(schedule: Schedule, path: str = "schedule") -> Iterator[Expression]:
    """Yield every cron expression and preset in a schedule; those of timetables by ``uses`` are not seen."""
    if isinstance(schedule, str):
        yield Expression(schedule, path, None)
    elif isinstance(schedule, Crons):
        for text, at in zip(schedule.expressions, schedule.paths, strict=True):
            yield Expression(text, at, schedule.timezone)
    elif isinstance(schedule, AssetSchedule):
        yield from expressions(schedule.or_time, f"{path}.or")


def assets_in(value: object) -> Iterator[AssetLike]:
    """Yield every asset of a condition, a schedule, or the value of ``inlets`` and ``outlets``."""
    if isinstance(value, AssetLike):
        yield value
    elif isinstance(value, AssetSchedule):
        yield from assets_in(value.assets)
    elif isinstance(value, (AssetCondition, tuple)):
        for part in value.of if isinstance(value, AssetCondition) else value:
            yield from assets_in(part)


def assets_of(pipeline: Pipeline) -> Iterator[AssetLike]:
    """Yield every asset that a pipeline names in its schedule, its defaults and its tasks."""
    yield from assets_in(pipeline.schedule)
    options = (
        pipeline.defaults,
        *(group.defaults for group in pipeline.groups),
        *(task.options for task in pipeline.tasks),
    )
    for given in options:
        for name in ("inlets", "outlets"):
            if name in given:  # in most options it is not
                yield from assets_in(given[name])


# --- for people


def shown(schedule: Schedule) -> str | None:
    """Write a schedule in a few words; None without one.

    >>> shown(Every(dt.timedelta(minutes=90))), shown("@daily")
    ('every 90m', '@daily')
    """
    match schedule:
        case Crons(expressions=several, timezone=zone):
            return ", ".join(several) + (f" ({zone})" if zone else "")
        case Every(length=length):
            return f"every {_length(length)}"
        case Events(moments=moments):
            return f"{len(moments)} event{'' if len(moments) == 1 else 's'}"
        case Timetable(path=path):
            return path
        case AssetSchedule(assets=assets, or_time=None):
            return asset_text(assets)
        case AssetSchedule(assets=assets, or_time=times):
            return f"{asset_text(assets)} or {shown(times)}"
        case _:
            return schedule


def _length(length: Length) -> str:
    if isinstance(length, dt.timedelta):
        return seconds_text(length.total_seconds())
    return _calendar_text(length)


def _calendar_text(length: CalendarLength) -> str:
    years, months = (f"{count}{sign}" if count else "" for count, sign in ((length.years, "Y"), (length.months, "M")))
    rest = f" and {seconds_text(length.rest.total_seconds())}" if length.rest else ""
    return f"P{years}{months}{rest}"


def asset_text(assets: AssetExpression, *, inside: bool = False) -> str:
    """Write assets and conditions by their names, with brackets around a condition in another one."""
    match assets:
        case Asset(name=name) | AssetAlias(name=name) | AssetReference(written=name):
            return name
        case AssetCondition(of=parts, is_any=is_any):
            text = (" or " if is_any else " and ").join(asset_text(part, inside=True) for part in parts)
            return f"({text})" if inside and len(parts) > 1 else text
