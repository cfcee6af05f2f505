"""What a timetable is given is judged before Airflow sees it, and what is fine can be built and stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from dateutil.relativedelta import relativedelta

from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check
from support.scheduled_runs import scheduled_runs

TRIGGER = "airflow.timetables.trigger."
INTERVAL = "airflow.timetables.interval."
EVENTS = "airflow.timetables.events.EventsTimetable"
OWN = '''
from airflow.timetables.base import Timetable

class Workdays(Timetable):
    def __init__(self, first, last=5): ...

class Broken(Timetable):
    def serialize(self): raise ValueError("no way")

class Odd:
    """Made by a decorator that nobody knows."""
'''


def written(folder: Path, schedule: str) -> Path:
    (folder / "own_timetables.py").write_text(OWN)
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\nschedule: {{{schedule}}}\ntasks: [{{id: a}}]\n")
    return file


def checked(folder: Path, schedule: str) -> CheckedFile:
    return read_and_check(written(folder, schedule), environ={})


def said(folder: Path, schedule: str) -> list[str]:
    return [str(problem).partition("p.yaml:2:")[2].partition(": ")[2] for problem in checked(folder, schedule).problems]


BERLIN = "timezone: Europe/Berlin"
WRONG = [
    (
        "uses: airflow.sdk.CronTriggerTimetable, args: [0 6 * * *, UTC, 1d]",
        "schedule.args: CronTriggerTimetable takes 2 arguments by their place, not 3",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 6 * * *, timezone: Europe/Berln}}",
        "schedule.with.timezone: there is no time zone 'Europe/Berln'\nhint: did you mean 'Europe/Berlin'?",
    ),
    (
        "uses: airflow.sdk.CronTriggerTimetable, with: {expression: 0 6 * * *, timezone: europe/berlin}",
        "schedule.with.timezone: there is no time zone 'europe/berlin'\nhint: did you mean 'Europe/Berlin'?",
    ),
    (
        f"uses: {INTERVAL}CronDataIntervalTimetable, with: {{cron: 0 6 * * *, timezone: 3600}}",
        "schedule.with.timezone: must be the name of a time zone, not '3600'",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 25 * * *, {BERLIN}}}",
        "schedule.with.cron: the hour '25' is not between 0 and 23",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 0 30 2 *, {BERLIN}}}",
        "schedule.with.cron: there is no day 30 in month 2, so it would never run",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@once', {BERLIN}}}",
        "schedule.with.cron: '@once' is no time that comes again\nhint: write schedule: '@once'",
    ),
    (
        f"uses: {TRIGGER}MultipleCronTriggerTimetable, with: {{crons: [0 6 * * *, 0 66 * * *], {BERLIN}}}",
        "schedule.with.crons[1]: the hour '66' is not between 0 and 23",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 6 * * *, {BERLIN}, interval: null}}",
        "schedule.with.interval: cannot be null\nhint: leave it out, or write a duration such as 90s, 5m or 1h30m",
    ),
    (
        "uses: airflow.timetables.simple.ContinuousTimetable",
        "schedule: ContinuousTimetable needs one run at a time\nhint: add 'max_active_runs: 1'",
    ),
    (
        'uses: airflow.sdk.Asset, with: {name: "a\\0"}',
        r"schedule.with.name: holds a NUL character (\0), which the database cannot keep",
    ),
    (
        "uses: airflow.sdk.Asset, with: {name: a, extra: {size: .nan}}",
        "schedule.with.extra.size: must be a finite number, not nan",
    ),
    ("uses: airflow.sdk.Asset, with: {name: ''}", "schedule.with.name: must not be empty"),
    ("uses: airflow.sdk.Asset, with: {name: self}", "schedule.with.name: no asset can be called 'self' in Airflow"),
    (
        f"uses: airflow.sdk.Asset, with: {{name: a, group: {'x' * 1501}}}",
        "schedule.with.group: is 1501 characters long; Airflow takes 1500",
    ),
    (
        "uses: airflow.sdk.Asset, with: {name: a, uri: 'airflow://a'}",
        "schedule.with.uri: the scheme 'airflow' is reserved for Airflow itself",
    ),
    (
        f"uses: {TRIGGER}MultipleCronTriggerTimetable, with: {{crons: [], {BERLIN}}}",
        "schedule.with.crons: needs at least one cron expression",
    ),
    (
        f"uses: {TRIGGER}MultipleCronTriggerTimetable, with: {{cron: 0 6 * * *, {BERLIN}}}",
        "schedule.with.cron: MultipleCronTriggerTimetable takes no argument 'cron'\nhint: did you mean 'crons'?",
    ),
    (f"uses: {INTERVAL}DeltaDataIntervalTimetable", "schedule: DeltaDataIntervalTimetable needs 'delta'"),
    (
        f"uses: {INTERVAL}DeltaDataIntervalTimetable, with: {{delta: 0s}}",
        "schedule.with.delta: must be more than nothing",
    ),
    (
        f"uses: {INTERVAL}DeltaDataIntervalTimetable, with: {{delta: soon}}",
        "schedule.with.delta: must be a duration such as 90s, 5m or 1h30m, not 'soon'\n"
        "hint: months are written P1M, years P1Y",
    ),
    (
        f"uses: {INTERVAL}DeltaDataIntervalTimetable, with: {{delta: 36501d}}",
        "schedule.with.delta: is a duration of 36501 days; Airflow can reckon with 36500 at most",
    ),
    (
        f"uses: {INTERVAL}DeltaDataIntervalTimetable, with: {{delta: P9000Y}}",
        "schedule.with.delta: is a duration of 3285000 days; Airflow can reckon with 36500 at most",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@daily', {BERLIN}, interval: 1 month}}",
        "schedule.with.interval: must be a duration such as 90s, 5m or 1h30m, not '1 month'\n"
        "hint: months are written P1M, years P1Y",
    ),
    (
        f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@daily', {BERLIN}, run_immediately: P1M}}",
        "schedule.with.run_immediately: months and years are no fixed time, which it needs\n"
        "hint: write days, as in 30d",
    ),
    (
        f"uses: {EVENTS}, with: {{event_dates: [2026-01-01, soon]}}",
        "schedule.with.event_dates[1]: must be a date, not 'soon'\n"
        "hint: write 2026-01-31, or 2026-01-31T06:00:00+01:00",
    ),
    (
        f"uses: {EVENTS}, with: {{event_dates: 2026-01-01}}",
        "schedule.with.event_dates: must be a list of dates, not '2026-01-01'",
    ),
    (
        f"uses: {EVENTS}, with: {{event_dates: [2026-01-01], presorted: 'yes'}}",
        "schedule.with.presorted: must be true or false, not 'yes'",
    ),
    (
        "uses: own_timetables.Workdays, with: {frist: 1}",
        "schedule.with.frist: Workdays takes no argument 'frist'\nhint: did you mean 'first'?",
    ),
    ("uses: own_timetables.Workdays", "schedule: Workdays needs 'first'\nhint: write it under 'with' of the schedule"),
    (
        "uses: own_timetables.Workdays, with: {first: {$t: x}}",
        "schedule.with.first: a marker such as $t is only read under 'with' of a task\nhint: write the value itself",
    ),
]


@pytest.mark.parametrize(("schedule", "sentence"), WRONG)
def test_what_is_wrong_with_a_timetable(tmp_path: Path, schedule: str, sentence: str) -> None:
    [problem] = said(tmp_path, schedule)
    assert problem.startswith(sentence)


FINE = [
    f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 6 * * *, {BERLIN}}}",
    f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@daily', {BERLIN}, interval: P1M, run_immediately: true}}",
    f"uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@daily', {BERLIN}, interval: 3600, run_immediately: 1h}}",
    "uses: airflow.sdk.CronTriggerTimetable, with: {expression: 0 6 * * *, timezone: UTC, interval: P1Y2M}",
    f"uses: {TRIGGER}MultipleCronTriggerTimetable, with: {{crons: [0 6 * * *, 0 18 * * *], {BERLIN}}}",
    f"uses: {TRIGGER}MultipleCronTriggerTimetable, with: {{crons: 0 6 * * *, {BERLIN}}}",
    f"uses: airflow.sdk.MultipleCronTriggerTimetable, with: {{crons: [0 6 * * *], {BERLIN}}}",
    f"uses: {TRIGGER}DeltaTriggerTimetable, with: {{delta: 1d, interval: P1M}}",
    f"uses: {TRIGGER}CronPartitionTimetable, with: {{cron: 0 6 * * *, timezone: UTC, run_offset: -1}}",
    f"uses: {INTERVAL}CronDataIntervalTimetable, with: {{cron: 0 6 * * *, {BERLIN}}}",
    f"uses: {INTERVAL}DeltaDataIntervalTimetable, with: {{delta: P1M}}",
    "uses: airflow.sdk.DeltaDataIntervalTimetable, with: {delta: 90m}",
    f"uses: {EVENTS}, with: {{event_dates: [2026-01-01, 2026-01-02T06:00:00, '2026-01-03T06:00:00+01:00']}}",
    "uses: airflow.timetables.simple.OnceTimetable",
    "uses: airflow.sdk.Asset, with: {name: orders, uri: 's3://lake/orders'}",
]


@pytest.mark.parametrize("schedule", FINE)
def test_a_timetable_without_a_problem_can_be_built_stored_and_read_again(tmp_path: Path, schedule: str) -> None:
    found = checked(tmp_path, schedule)
    assert found.problems == ()
    [pipeline] = found.pipelines
    DagSerialization.from_dict(DagSerialization.to_dict(dag.build(pipeline)))


def test_iso_months_are_calendar_months(tmp_path: Path) -> None:
    [pipeline] = checked(tmp_path, "uses: airflow.sdk.DeltaDataIntervalTimetable, with: {delta: P1Y2MT1H}").pipelines
    assert dag.build(pipeline).timetable.delta == relativedelta(years=1, months=2, hours=1)


def test_what_airflow_cannot_store_is_a_problem_at_the_schedule_with_the_name_of_the_dag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    dags, [problem] = dags_and_problems(written(tmp_path, "uses: own_timetables.Broken"))
    assert dags == []
    assert (problem.path, problem.sentence) == ("schedule", "Airflow cannot store the schedule of Dag 'p'")
    assert problem.hint is not None
    assert "Traceback" not in problem.hint
    assert problem.place.line == 2


def runs(folder: Path, schedule: str, after: str, count: int) -> list[str]:
    """Starts of the data interval, and moments after it at which Airflow makes a run, in UTC."""
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\nschedule: {schedule}\ntasks: [{{id: a}}]\n")
    [pipeline] = read_and_check(file, environ={}).pipelines
    return [
        f"{info.data_interval.start.in_timezone('UTC'):%Y-%m-%dT%H:%M}/{info.run_after.in_timezone('UTC'):%m-%dT%H:%M}"
        for info in scheduled_runs(dag.build(pipeline), after, count)
    ]


def at_once(*moments: str) -> list[str]:
    """Runs about the moment at which they are made."""
    return [f"2026-{moment}/{moment}" for moment in moments]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 6 * * *, {BERLIN}}}}}",
            "2026-03-27T12:00",
            at_once("03-28T05:00", "03-29T04:00", "03-30T04:00"),
        ),
        (
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 0 6 * * *, {BERLIN}}}}}",
            "2026-10-23T12:00",
            at_once("10-24T04:00", "10-25T05:00", "10-26T05:00"),
        ),
        (  # a time that the change leaves out comes an hour later
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 30 2 * * *, {BERLIN}}}}}",
            "2026-03-27T12:00",
            at_once("03-28T01:30", "03-29T01:30", "03-30T00:30"),
        ),
        (  # and one that it brings twice comes once
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: 30 2 * * *, {BERLIN}}}}}",
            "2026-10-23T12:00",
            at_once("10-24T00:30", "10-25T01:30", "10-26T01:30"),
        ),
        (
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '0 7,9 * * *', timezone: America/Los_Angeles}}}}",
            "2026-03-07T12:00",
            at_once("03-07T15:00", "03-07T17:00", "03-08T14:00", "03-08T16:00"),
        ),
        (
            f"{{uses: {INTERVAL}CronDataIntervalTimetable, with: {{cron: 20 */4 * * *, {BERLIN}}}}}",
            "2026-03-28T20:00",
            ["2026-03-28T23:20/03-29T02:20", "2026-03-29T02:20/03-29T06:20", "2026-03-29T06:20/03-29T10:20"],
        ),
        (
            f"{{uses: {INTERVAL}CronDataIntervalTimetable, with: {{cron: 20 */4 * * *, {BERLIN}}}}}",
            "2026-10-24T20:00",
            ["2026-10-24T22:20/10-25T03:20", "2026-10-25T03:20/10-25T07:20", "2026-10-25T07:20/10-25T11:20"],
        ),
    ],
)
def test_the_clock_of_a_place_is_kept_when_it_changes(
    schedule: str, after: str, expected: list[str], tmp_path: Path
) -> None:
    assert runs(tmp_path, schedule, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("'@daily'", ["2026-01-02T00:00/01-02T00:00", "2026-01-03T00:00/01-03T00:00"]),
        (
            f"{{uses: {INTERVAL}CronDataIntervalTimetable, with: {{cron: '@daily', timezone: UTC}}}}",
            ["2026-01-02T00:00/01-03T00:00", "2026-01-03T00:00/01-04T00:00"],
        ),
        (
            f"{{uses: {TRIGGER}CronTriggerTimetable, with: {{cron: '@daily', timezone: UTC, interval: 1d}}}}",
            ["2026-01-01T00:00/01-02T00:00", "2026-01-02T00:00/01-03T00:00"],
        ),
        ("'0 0 29 2 *'", ["2028-02-29T00:00/02-29T00:00"]),
    ],
)
def test_a_run_is_about_the_moment_at_which_it_is_made_unless_its_schedule_says_otherwise(
    schedule: str, expected: list[str], tmp_path: Path
) -> None:
    assert runs(tmp_path, schedule, "2026-01-01T06:00", len(expected)) == expected
