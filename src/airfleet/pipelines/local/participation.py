"""Which tasks take part in a run: Airflow leaves out those whose dates the run is not between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from airfleet.pipelines.language.spec import Pipeline, Value


@dataclass(frozen=True)
class Absence:
    """Why a task takes no part in a run: its ``start_date`` is later, or its ``end_date`` earlier."""

    task: str
    key: str
    date: dt.datetime

    @property
    def why(self) -> str:
        """The reason as it follows a colon."""
        return f"its {self.key} is {day(self.date)}"


def absences(pipeline: Pipeline, moment: dt.datetime, zone: dt.tzinfo) -> tuple[Absence, ...]:
    """List the tasks that take no part in a run of that logical date; dates without a time zone are in ``zone``."""
    dag = _dates(pipeline.options, zone)
    found = []
    for task in pipeline.tasks:
        own = _dates(task.options, zone)
        starts = [dates["start_date"] for dates in (dag, own) if "start_date" in dates]
        ends = [dates["end_date"] for dates in (dag, own) if "end_date" in dates]
        if starts and max(starts) > moment:
            found.append(Absence(task.id, "start_date", max(starts)))
        elif ends and min(ends) < moment:
            found.append(Absence(task.id, "end_date", min(ends)))
    return tuple(found)


def nearest(found: tuple[Absence, ...], moment: dt.datetime) -> Absence:
    """Find the one whose date is nearest to the run's."""
    return min(found, key=lambda absence: abs(absence.date - moment))


def day(date: dt.datetime) -> str:
    """Write a date as a person writes it: with the time only when it is not midnight."""
    return str(date.date()) if date.time() == dt.time() else date.isoformat(timespec="minutes")


def written(date: dt.datetime) -> str:
    """Write a date as ``--date`` takes it, which reads one without a time zone in UTC."""
    return day(date) if date.utcoffset() == dt.timedelta() else date.isoformat()


def _dates(options: Mapping[str, Value], zone: dt.tzinfo) -> dict[str, dt.datetime]:
    found = {name: options.get(name) for name in ("start_date", "end_date")}
    return {
        name: value if value.tzinfo else value.replace(tzinfo=zone)
        for name, value in found.items()
        if isinstance(value, dt.datetime)
    }
