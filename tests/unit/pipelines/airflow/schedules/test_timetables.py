"""Schedules are made for Airflow: runs come when the clocks of their place say so, over both changes of 2026."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from support.scheduled_runs import scheduled_runs


def built(folder: Path, keys: str, task: str = "id: a") -> DAG:
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\n{keys}\ntasks: [{{{task}}}]\n")
    checked = read_and_check(file, environ={})
    assert checked.problems == ()
    return dag.build(checked.pipelines[0])


def runs(folder: Path, keys: str, after: str, count: int) -> list[str]:
    """The moments, in UTC, at which the scheduler makes the next runs after one."""
    found = scheduled_runs(built(folder, keys), after, count)
    return [f"{info.run_after.in_timezone('UTC'):%m-%dT%H:%M}" for info in found]


#: the changes of the clocks: a moment before each, and the runs at six o'clock there
SPRING_BERLIN = ("2026-03-27T12:00Z", ["03-28T05:00", "03-29T04:00", "03-30T04:00"])
AUTUMN_BERLIN = ("2026-10-23T12:00Z", ["10-24T04:00", "10-25T05:00", "10-26T05:00"])
SPRING_ANGELES = ("2026-03-06T20:00Z", ["03-07T14:00", "03-08T13:00", "03-09T13:00"])
AUTUMN_ANGELES = ("2026-10-30T20:00Z", ["10-31T13:00", "11-01T14:00", "11-02T14:00"])
CHANGES = [
    *(("Europe/Berlin", *change) for change in (SPRING_BERLIN, AUTUMN_BERLIN)),
    *(("America/Los_Angeles", *change) for change in (SPRING_ANGELES, AUTUMN_ANGELES)),
]
FORMS = [
    "timezone: {zone}\nschedule: 0 6 * * *",
    "timezone: {zone}\nschedule: 0 6 * * *\nstart_date: 2026-01-01",
    "timezone: {zone}\nschedule: 0 6 * * *\nstart_date: 2026-01-01T00:00:00+05:00",
    "timezone: UTC\nschedule: CRON_TZ={zone} 0 6 * * *",
    "schedule: CRON_TZ={zone} 0 6 * * *\nstart_date: 2026-01-01T00:00:00+05:00",
    "timezone: {zone}\nschedule: [0 6 * * *]",
    "timezone: {zone}\nschedule: [0 6 * * *, 0 6 * * MON]",
    "schedule: {{cron: 0 6 * * *, timezone: {zone}}}",
    "schedule: {{cron: 0 6 * * *, timezone: {zone}, interval: 1d}}",
    "timezone: {zone}\nschedule: {{assets: a, or: 0 6 * * *}}",
    "schedule: {{uses: airflow.sdk.CronTriggerTimetable, args: [0 6 * * *, {zone}]}}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("zone", "after", "expected"), CHANGES)
def test_six_o_clock_stays_six_o_clock(form: str, zone: str, after: str, expected: list[str], tmp_path: Path) -> None:
    assert runs(tmp_path, form.format(zone=zone), after, 3) == expected


@pytest.mark.parametrize(
    ("keys", "after", "expected"),
    [
        # a day of 23 or 25 hours is one day between midnights
        ("timezone: Europe/Berlin\nschedule: '@daily'", "2026-03-28T12:00Z", ["03-28T23:00", "03-29T22:00"]),
        ("timezone: Europe/Berlin\nschedule: '@daily'", "2026-10-24T12:00Z", ["10-24T22:00", "10-25T23:00"]),
        # a time that the change leaves out comes an hour later, and one that it brings twice once
        ("timezone: Europe/Berlin\nschedule: 30 2 * * *", "2026-03-28T12:00Z", ["03-29T01:30", "03-30T00:30"]),
        ("timezone: Europe/Berlin\nschedule: 30 2 * * *", "2026-10-24T12:00Z", ["10-25T01:30", "10-26T01:30"]),
        ("timezone: America/Los_Angeles\nschedule: 30 2 * * *", "2026-03-07T20:00Z", ["03-08T10:30", "03-09T09:30"]),
        ("timezone: America/Los_Angeles\nschedule: 30 1 * * *", "2026-10-31T20:00Z", ["11-01T09:30", "11-02T09:30"]),
        # a length is a length whatever the clocks do
        ("timezone: Europe/Berlin\nschedule: {every: 1d}", "2026-03-28T12:00Z", ["03-29T12:00", "03-30T12:00"]),
        ("schedule: {every: P1M}", "2026-01-31T00:00Z", ["02-28T00:00", "03-28T00:00"]),
        ("timezone: Europe/Berlin\nschedule: {events: [2026-10-26, 2026-03-29T06:00:00, 2026-03-28]}",
         "2026-01-01T00:00Z", ["03-27T23:00", "03-29T04:00", "10-25T23:00"]),
        ("schedule: [0 6 * * *, 0 18 * * *]", "2026-01-01T00:00Z", ["01-01T06:00", "01-01T18:00", "01-02T06:00"]),
        ("schedule: {any: [a], or: {events: [2026-01-02]}}", "2026-01-01T00:00Z", ["01-02T00:00"]),
    ],
)  # fmt: skip
def test_the_next_runs_of_a_schedule(keys: str, after: str, expected: list[str], tmp_path: Path) -> None:
    assert runs(tmp_path, keys, after, len(expected)) == expected


@pytest.mark.parametrize(("zone", "after", "expected"), CHANGES)
def test_an_interval_goes_from_run_to_run(zone: str, after: str, expected: list[str], tmp_path: Path) -> None:
    keys = f"schedule: {{cron: 0 6 * * *, timezone: {zone}, interval: true}}"
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(built(tmp_path, keys))).timetable
    moment = pendulum.parse(after)
    last, starts = None, []
    for _ in range(4):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(moment, None, True)
        )
        last = info.data_interval
        starts.append(last)
    assert [f"{one.start.in_timezone('UTC'):%m-%dT%H:%M}" for one in starts][:3] == expected
    assert all(one.end == following.start for one, following in pairwise(starts))


def test_dates_without_a_zone_are_in_that_of_the_pipeline(tmp_path: Path) -> None:
    keys = "timezone: America/Los_Angeles\nstart_date: 2026-07-01\nend_date: 2026-07-02T00:00:00Z"
    made = built(tmp_path, keys, "id: a, start_date: 2026-07-01T12:00:00")
    assert (str(made.start_date), str(made.end_date)) == ("2026-07-01 07:00:00+00:00", "2026-07-02 00:00:00+00:00")
    assert str(made.task_dict["a"].start_date) == "2026-07-01 19:00:00+00:00"
    assert made.timezone.name == "America/Los_Angeles"


def test_the_dag_has_the_zone_of_the_pipeline_without_a_start_too(tmp_path: Path) -> None:
    assert built(tmp_path, "timezone: Europe/Berlin\nschedule: '@daily'").timezone.name == "Europe/Berlin"
    assert built(tmp_path, "schedule: '@daily'").timezone.name == "UTC"


def test_an_asset_that_its_provider_refuses_is_a_problem_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("dag_id: p\nschedule: {assets: ['file:']}\ntasks: [{id: a}]\n")
    _, problems = dags_and_problems(file)
    assert all(problem.path.startswith("schedule") for problem in problems)
