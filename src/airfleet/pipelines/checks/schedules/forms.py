"""Schedules: cron expressions that never come, time zones that do not exist, lengths and moments out of reach."""

from __future__ import annotations

import datetime as dt
from typing import Final

from airfleet.metadata import column_limits
from airfleet.pipelines.checks import limits
from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.checks.named.objects import check_kind, check_objects
from airfleet.pipelines.checks.schedules.assets import check_assets
from airfleet.pipelines.checks.schedules.timetables import check_cron, check_timetable, zone_problem
from airfleet.pipelines.language import cron
from airfleet.pipelines.language.spec import (
    AssetSchedule,
    CalendarLength,
    Crons,
    Events,
    Every,
    Length,
    Partition,
    Schedule,
    Timetable,
)
from airfleet.problem_codes import Code

#: The scheduler goes so many runs on or back for each partition key.
MOST_OFFSET: Final = 1000


def check_schedule(checking: Checking) -> None:
    """Note every problem of the time zone and the schedule of a pipeline."""
    pipeline = checking.pipeline
    if pipeline.timezone is not None and (wrong := zone_problem(pipeline.timezone)):
        checking.problem("timezone", *wrong, code=Code.TIME_ZONE)
    _check(pipeline.schedule, "schedule", checking)


def _check(schedule: Schedule, path: str, checking: Checking) -> None:
    match schedule:
        case str():
            _check_text(schedule, path, checking)
        case Crons():
            _check_crons(schedule, path, checking)
        case Every():
            if not _roughly(schedule.length):
                checking.problem(f"{path}.every", "must be more than nothing", code=Code.DURATION)
            _check_length(schedule.length, f"{path}.every", checking)
        case Events():
            _check_events(schedule, path, checking)
        case Timetable():
            check_timetable(schedule, path, checking)
        case AssetSchedule():
            check_assets(schedule.assets, checking)
            check_objects(schedule.partition, f"{path}.partition", checking)
            check_kind(schedule.partition, "Mapper", "partition mapper", f"{path}.partition", checking)
            if schedule.partition and schedule.or_time is not None:
                checking.problem(f"{path}.partition", "cannot stand beside 'or'", code=Code.CONTRADICTION)
            _check(schedule.or_time, f"{path}.or", checking)


def _check_text(schedule: str, path: str, checking: Checking) -> None:
    """Check a cron expression or preset that is the whole schedule."""
    if wrong := cron.problem_of(schedule):
        checking.problem(path, *wrong, code=Code.CRON)
    elif schedule == "@continuous" and checking.pipeline.options.get("max_active_runs") != 1:
        sentence = "'@continuous' needs one run at a time"
        checking.problem(path, sentence, "add 'max_active_runs: 1'", Code.CONTRADICTION)
    elif too_long := cron.too_long_to_describe(schedule):
        checking.problem(path, too_long, code=Code.CRON)


def _check_crons(crons: Crons, path: str, checking: Checking) -> None:
    if crons.timezone == "" and crons.timezone_path in crons.paths:
        hint = "write 'CRON_TZ=Europe/Berlin 0 6 * * *'"
        checking.problem(crons.timezone_path, "'CRON_TZ=' names no time zone", hint, Code.TIME_ZONE)
    elif crons.timezone is not None and (wrong := zone_problem(crons.timezone)):
        checking.problem(crons.timezone_path, *wrong, code=Code.TIME_ZONE)
    before = len(checking.problems)
    for expression, at in zip(crons.expressions, crons.paths, strict=True):
        by_text = crons.timezone is not None and crons.timezone_path in crons.paths
        if not expression and crons.timezone == "" and at == crons.timezone_path:
            continue  # neither zone nor expression: said above
        if not expression and by_text:
            hint = f"write 'CRON_TZ={crons.timezone} 0 6 * * *'"
            checking.problem(at, "names a time zone, and no cron expression after it", hint, Code.CRON)
        else:
            check_cron(expression, at, checking)
    if len(checking.problems) == before and (too_long := cron.too_long_to_describe(*crons.expressions)):
        checking.problem(path, too_long, code=Code.CRON)
    _check_beside(crons, path, checking)
    if crons.partition is not None:
        _check_partition(crons.partition, f"{path}.partition", checking)


def _check_beside(crons: Crons, path: str, checking: Checking) -> None:
    """Check what stands beside the expressions: Airflow has no timetable for all of it together."""
    several = len(crons.expressions) > 1
    if crons.interval is True and several:
        hint = "write the length of each interval, as in interval: 1d"
        checking.problem(f"{path}.interval", "cannot be true for several cron expressions", hint, Code.CONTRADICTION)
    if crons.interval is True and crons.run_immediately is not None:
        checking.problem(f"{path}.run_immediately", "cannot stand beside 'interval: true'", code=Code.CONTRADICTION)
    if crons.partition is not None and several:
        checking.problem(f"{path}.partition", "is of one cron expression, not of several", code=Code.CONTRADICTION)
    if crons.partition is not None and crons.interval is not None:
        checking.problem(f"{path}.interval", "cannot stand beside 'partition'", code=Code.CONTRADICTION)
    if isinstance(crons.interval, (dt.timedelta, CalendarLength)):
        _check_length(crons.interval, f"{path}.interval", checking)
    if isinstance(crons.run_immediately, dt.timedelta):
        _check_length(crons.run_immediately, f"{path}.run_immediately", checking)


def _check_partition(partition: Partition, path: str, checking: Checking) -> None:
    if partition.offset is not None and abs(partition.offset) > MOST_OFFSET:
        sentence = f"must be between -{MOST_OFFSET} and {MOST_OFFSET}, not {partition.offset}"
        checking.problem(f"{path}.offset", sentence, code=Code.OUT_OF_RANGE)
    if partition.key_format is not None and (wrong := column_limits.unstorable(partition.key_format)):
        checking.problem(f"{path}.key_format", wrong, code=Code.UNSTORABLE)


def _check_length(length: Length, path: str, checking: Checking) -> None:
    if too_long := limits.duration_misfit(_roughly(length)):
        checking.problem(path, too_long, code=Code.CALENDAR)


def _roughly(length: Length) -> dt.timedelta:
    if isinstance(length, dt.timedelta):
        return length
    return dt.timedelta(days=365 * length.years + 30 * length.months) + length.rest


def _check_events(events: Events, path: str, checking: Checking) -> None:
    for index, moment in enumerate(events.moments):
        try:
            (moment if moment.tzinfo else moment.replace(tzinfo=checking.zone)).astimezone(dt.UTC)
        except OverflowError:
            checking.problem(f"{path}.events[{index}]", limits.OUTSIDE_THE_CALENDAR.format(moment), code=Code.CALENDAR)
    wrong = column_limits.misfit("dag.timetable_description", events.description or "")
    if wrong:
        checking.problem(f"{path}.description", wrong, code=Code.DATABASE_LIMIT)
