"""Schedules that would never come, or that Airflow would refuse, have problems at their places, in equal words."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check


def said(folder: Path, keys: str) -> list[str]:
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\n{keys}\ntasks: [{{id: a}}]\n")
    return [str(one).removeprefix(f"{folder}/") for one in read_and_check(file, environ={}).problems]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("timezone: Europe/Berln", "2:11: timezone: there is no time zone 'Europe/Berln'\n"
         "hint: did you mean 'Europe/Berlin'?"),
        ("timezone: europe/berlin", "2:11: timezone: there is no time zone 'europe/berlin'\n"
         "hint: did you mean 'Europe/Berlin'?"),
        ("timezone: +01:00", "2:11: timezone: there is no time zone '+01:00'\nhint: one such as Europe/Berlin or UTC"),
        ("schedule: CRON_TZ=Europe/Berln @daily", "2:11: schedule: there is no time zone 'Europe/Berln'\n"
         "hint: did you mean 'Europe/Berlin'?"),
        ("schedule: {cron: '@daily', timezone: Mars}", "2:38: schedule.timezone: there is no time zone 'Mars'\n"
         "hint: one such as Europe/Berlin or UTC"),
        ("schedule: {cron: ['@daily', ''], timezone: UTC}", "2:29: schedule.cron[1]: the schedule is empty\n"
         "hint: write null for a Dag that is only run by hand"),
        ("schedule: CRON_TZ=", "2:11: schedule: 'CRON_TZ=' names no time zone\n"
         "hint: write 'CRON_TZ=Europe/Berlin 0 6 * * *'"),
        ("schedule: CRON_TZ=UTC", "2:11: schedule: names a time zone, and no cron expression after it\n"
         "hint: write 'CRON_TZ=UTC 0 6 * * *'"),
        ("schedule: CRON_TZ=UTC 0 25 * * *", "2:11: schedule: the hour '25' is not between 0 and 23"),
        ("schedule: [0 6 * * *, 0 25 * * *]", "2:23: schedule[1]: the hour '25' is not between 0 and 23"),
        ("schedule: {cron: [0 25 * * *]}", "2:19: schedule.cron[0]: the hour '25' is not between 0 and 23"),
        ("schedule: {assets: x, or: 0 25 * * *}", "2:27: schedule.or: the hour '25' is not between 0 and 23"),
        ("schedule: {assets: x, or: [0 25 * * *]}", "2:28: schedule.or[0]: the hour '25' is not between 0 and 23"),
        ("schedule: {cron: 0 0 31 2 *}",
         "2:18: schedule.cron: there is no day 31 in month 2, so it would never run"),
        ("schedule: {cron: '*/90 * * * *'}",
         "2:18: schedule.cron: the step of the minute in '*/90' is 90, but there are only 60\n"
         "hint: for every 90m, write schedule: {every: 90m}"),
        ("schedule: ['@once']", "2:12: schedule[0]: '@once' is no time that comes again\n"
         "hint: write schedule: '@once'"),
        ("schedule: {cron: '@continuous'}", "2:18: schedule.cron: '@continuous' is no time that comes again\n"
         "hint: write schedule: '@continuous'"),
        ("schedule: {assets: x, or: '@continuous'}", "2:27: schedule.or: '@continuous' needs one run at a time\n"
         "hint: add 'max_active_runs: 1'"),
        ("schedule: {cron: [0 6 * * *, 0 7 * * *], interval: true}",
         "2:52: schedule.interval: cannot be true for several cron expressions\n"
         "hint: write the length of each interval, as in interval: 1d"),
        ("schedule: {cron: '@daily', interval: true, run_immediately: true}",
         "2:61: schedule.run_immediately: cannot stand beside 'interval: true'"),
        ("schedule: {cron: [0 6 * * *, 0 7 * * *], partition: true}",
         "2:53: schedule.partition: is of one cron expression, not of several"),
        ("schedule: {cron: '@daily', partition: true, interval: 1d}",
         "2:55: schedule.interval: cannot stand beside 'partition'"),
        ("schedule: {cron: '@daily', partition: {offset: 5000}}",
         "2:48: schedule.partition.offset: must be between -1000 and 1000, not 5000"),
        ("schedule: {cron: '@daily', interval: 40000d}",
         "2:38: schedule.interval: is a duration of 40000 days; Airflow can reckon with 36500 at most"),
        ("schedule: {assets: x, partition: true, or: '@daily'}",
         "2:34: schedule.partition: cannot stand beside 'or'"),
        ("schedule: {assets: x, partition: {$new: airflow.sdk.StartOfDayMaper}}",
         "2:41: schedule.partition.$new: 'airflow.sdk' has no class or function 'StartOfDayMaper'\n"
         "hint: did you mean 'StartOfDayMapper'?"),
        ("schedule: {every: 0s}", "2:19: schedule.every: must be more than nothing"),
        ("schedule: {every: P0M}", "2:19: schedule.every: must be more than nothing"),
        ("schedule: {every: P9000Y}",
         "2:19: schedule.every: is a duration of 3285000 days; Airflow can reckon with 36500 at most"),
        ("schedule: {events: ['0001-01-01T00:00:00+14:00']}",
         "2:21: schedule.events[0]: 0001-01-01 00:00:00+14:00 is outside the calendar in UTC, "
         "which has the years 1 to 9999"),
        ("schedule: {uses: airflow.sdk.CronTriggerTimetable, args: [0 25 * * *, UTC]}",
         "2:59: schedule.args[0]: the hour '25' is not between 0 and 23"),
        ("schedule: {uses: airflow.sdk.CronTriggerTimetable, args: [0 5 * * *, Mars]}",
         "2:70: schedule.args[1]: there is no time zone 'Mars'\nhint: one such as Europe/Berlin or UTC"),
        ("schedule: {assets: x, or: {uses: airflow.sdk.DeltaTriggerTimetable}}",
         "2:27: schedule.or: DeltaTriggerTimetable needs 'delta'\nhint: write it under 'with' of the schedule"),
        ("schedule: {uses: airflow.sdk.EventsTimetable, with: {event_dates: [2026-12-24]}}",
         "2:18: schedule.uses: Airflow stores this timetable without what it needs to read it again\n"
         "hint: write schedule: {events: [2026-12-24, …]}"),
        ("catchup: true\nschedule: {every: 5m}",
         "2:10: catchup: needs a start_date: without one there is nothing to catch up\nhint: add start_date"),
        ("allowed_run_types: [scheduled]\nschedule: {assets: x}",
         "2:20: allowed_run_types: needs 'asset_triggered' in a pipeline with this schedule"),
        ("allowed_run_types: [scheduled]\nschedule: {uses: airflow.sdk.PartitionedAtRuntime}",
         "2:20: allowed_run_types: needs 'manual' in a pipeline without a schedule"),
        ("schedule: {assets: x}\nparams: {p: {type: string}}",
         "3:13: params.p: the param has no default, but the Dag has a schedule\n"
         "hint: a scheduled run has nobody to ask; write a default, or schedule: null"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_schedule(keys: str, problem: str, tmp_path: Path) -> None:
    assert said(tmp_path, keys) == [f"p.yaml:{problem}"]


LONG = "0,1,2,3,5,8,13,21,34,55 1,3,5,7,9,11 1,3,5,7 1,3,5,7 *"


def test_descriptions_of_several_expressions_are_kept_in_one_column(tmp_path: Path) -> None:
    assert said(tmp_path, f"schedule: ['{LONG}', '{LONG}']") == []
    [problem] = said(tmp_path, f"schedule: [{', '.join([repr(LONG)] * 8)}]")
    assert problem.startswith("p.yaml:2:11: schedule: is too long: its description in words has ")


def test_dates_are_compared_in_the_time_zone_of_the_pipeline(tmp_path: Path) -> None:
    file, dates = tmp_path / "p.yaml", "start_date: 2026-01-01T00:00:00\nend_date: 2025-12-31T23:30:00Z"
    found = []
    for zone in ("timezone: Europe/Berlin\n", ""):
        file.write_text(f"dag_id: p\n{zone}{dates}\ntasks: [{{id: a}}]\n")
        found.append([one.path for one in read_and_check(file, environ={}).remarks])
    assert found == [[], ["end_date"]]
