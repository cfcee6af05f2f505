"""Each form of a schedule becomes a value, or a problem at its place."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.pipelines.language.spec import (
    Asset,
    AssetAlias,
    AssetCondition,
    AssetReference,
    AssetSchedule,
    CalendarLength,
    Crons,
    Events,
    Every,
    NewObject,
    Partition,
    Timetable,
    Watcher,
)
from airfleet.pipelines.reading.reader import PipelineFile, read

MORNING, EVENING = "0 6 * * *", "0 18 * * *"


def reading(schedule: str, head: str = "") -> PipelineFile:
    text = f"dag_id: d\n{head}schedule: {schedule}\ntasks: [{{id: a}}]\n"
    return read(text, "p.yaml", variables={}, environ={})


def short(name: str) -> Asset:
    return Asset(name, name)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0 6 * * *", MORNING),
        ("'@once'", "@once"),
        ("CRON_TZ=Europe/Berlin 0 6 * * *", Crons((MORNING,), "Europe/Berlin")),
        ("'CRON_TZ=UTC  @daily'", Crons(("@daily",), "UTC")),
        ("[0 6 * * *]", Crons((MORNING,))),
        ("[0 6 * * *, 0 18 * * *]", Crons((MORNING, EVENING))),
        ("[CRON_TZ=UTC 0 6 * * *, CRON_TZ=UTC 0 18 * * *]", Crons((MORNING, EVENING), "UTC")),
        ("{cron: 0 6 * * *}", Crons((MORNING,))),
        ("{cron: [0 6 * * *], timezone: UTC, interval: true}", Crons((MORNING,), "UTC", True)),
        ("{cron: 0 6 * * *, interval: false, run_immediately: 1h}",
         Crons((MORNING,), None, False, dt.timedelta(hours=1))),
        ("{cron: CRON_TZ=UTC 0 6 * * *, interval: P1M}", Crons((MORNING,), "UTC", CalendarLength(0, 1))),
        ("{cron: 0 6 * * *, interval: null, timezone: null}", Crons((MORNING,))),
        ("{cron: 0 6 * * *, partition: true}", Crons((MORNING,), partition=Partition())),
        ("{cron: 0 6 * * *, partition: false}", Crons((MORNING,))),
        ("{cron: 0 6 * * *, interval: 'true', run_immediately: 'false', partition: 'false'}",  # as the environment says
         Crons((MORNING,), None, True, False)),
        ("{cron: 0 6 * * *, partition: {offset: -1, key_format: '%Y'}}",
         Crons((MORNING,), partition=Partition(-1, "%Y"))),
        ("{every: 90m}", Every(dt.timedelta(minutes=90))),
        ("{every: 30}", Every(dt.timedelta(seconds=30))),
        ("{every: P1Y2MT6H}", Every(CalendarLength(1, 2, dt.timedelta(hours=6)))),
        ("{events: 2026-12-24}", Events((dt.datetime(2026, 12, 24),))),
        ("{events: [2026-12-31T12:00:00, 2026-12-24], restrict_to_events: true, description: Days}",
         Events((dt.datetime(2026, 12, 31, 12), dt.datetime(2026, 12, 24)), True, "Days")),
        ("{events: [2026-12-24T06:00:00+01:00]}",
         Events((dt.datetime(2026, 12, 24, 6, tzinfo=dt.timezone(dt.timedelta(hours=1))),))),
        ("{assets: a}", AssetSchedule(short("a"))),
        ("{assets: [a, s3://b/c]}", AssetSchedule(AssetCondition((short("a"), short("s3://b/c"))))),
        ("{assets: {any: [a, b]}}", AssetSchedule(AssetCondition((short("a"), short("b")), is_any=True))),
        ("{any: [a, {all: [b, c]}]}",
         AssetSchedule(AssetCondition((short("a"), AssetCondition((short("b"), short("c")))), is_any=True))),
        ("{all: [{alias: x, group: g}, {ref: y}]}",
         AssetSchedule(AssetCondition((AssetAlias("x", "g"), AssetReference("y"))))),
        ("{assets: {uri: s3://b/c, extra: {day: 2026-01-01, n: [1, null]}}}",
         AssetSchedule(Asset("s3://b/c", "s3://b/c", extra={"day": "2026-01-01", "n": (1, None)}))),
        ("{assets: {name: n, uri: s3://b/c, group: g, watchers: [{name: w, trigger: {$new: a.B, args: [1]}}]}}",
         AssetSchedule(Asset("n", "s3://b/c", "g", watchers=(Watcher("w", NewObject("a.B", (1,))),)))),
        ("{assets: a, or: '@daily'}", AssetSchedule(short("a"), "@daily")),
        ("{any: [a], or: {every: 5m}}",
         AssetSchedule(AssetCondition((short("a"),), is_any=True), Every(dt.timedelta(minutes=5)))),
        ("{assets: a, partition: true}", AssetSchedule(short("a"), partition=True)),
        ("{assets: a, partition: {$new: a.B}}", AssetSchedule(short("a"), partition=NewObject("a.B"))),
        ("{assets: a, or: null}", AssetSchedule(short("a"))),
        ("{uses: a.B, args: [1, P1M], with: {c: d}}", Timetable("a.B", {"c": "d"}, (1, "P1M"))),
        ("null", None),
    ],
)  # fmt: skip
def test_a_form_of_a_schedule(written: str, value: object) -> None:
    found = reading(written)
    assert [str(problem) for problem in found.problems] == []
    assert found.pipelines[0].schedule == value


def test_a_text_that_is_the_name_or_address_of_a_described_asset_means_it() -> None:
    described = "{name: orders, uri: s3://lake/orders, group: shop}"
    text = (
        "dag_id: d\nschedule: {any: [orders, {all: [s3://lake/orders]}, other]}\n"
        f"defaults: {{inlets: [orders]}}\ntasks: [{{id: a, outlets: [{described}]}}, {{id: b}}]\n"
    )
    found = read(text, "p.yaml", variables={}, environ={})
    assert found.problems == ()
    [pipeline] = found.pipelines
    orders = Asset("orders", "s3://lake/orders", "shop")
    nested = AssetCondition((orders,))
    assert pipeline.schedule == AssetSchedule(AssetCondition((orders, nested, short("other")), is_any=True))
    assert pipeline.defaults == {"inlets": (orders,)}
    assert pipeline.tasks[1].options == {"inlets": (orders,)}


CRON = "must be a cron expression or a preset such as '@daily'"
FORMS = "its address (s3://lake/orders), its name, or {name: …, uri: …}"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("true", "11: schedule: must be a cron expression, a preset such as '@daily', a list of cron expressions, "
         "a mapping, or null"),
        ("[]", "11: schedule: needs at least one cron expression\nhint: write null for a Dag that is only run by hand"),
        ("[0 6 * * *, 5]", f"23: schedule[1]: {CRON}"),
        ("{cron: []}", "18: schedule.cron: needs at least one cron expression"),
        ("{cron: {a: b}}", f"18: schedule.cron: {CRON}"),
        ("[0 6 * * *, CRON_TZ=UTC 0 7 * * *]",
         "11: schedule: all cron expressions of a schedule are in one time zone\n"
         "hint: write {cron: […], timezone: Europe/Berlin}, or a pipeline for each time zone"),
        ("{cron: CRON_TZ=UTC 0 7 * * *, timezone: UTC}",
         "51: schedule.timezone: is said twice: 'cron' names a time zone, too"),
        ("{cron: 0 7 * * *, intervall: true}",
         "29: schedule.intervall: a schedule by 'cron' has no 'intervall'\nhint: did you mean 'interval'?"),
        ("{every: 5m, or: x}", "23: schedule.or: a schedule by 'every' has no 'or'\nhint: there are every"),
        ("{every: 1 month}",
         "19: schedule.every: must be a duration, not the text '1 month'\nhint: write P1M"),
        ("{every: Hours}", "19: schedule.every: must be a duration, not the text 'Hours'\nhint: write 1h"),
        ("{every: soon}", "19: schedule.every: must be a duration, not the text 'soon'\n"
         "hint: write 90s, 5m, 1h30m, 1d, P1M for a month or P1Y for a year"),
        ("{every: null}", "19: schedule.every: must be a duration such as 5m or P1M, not empty"),
        ("{events: []}", "20: schedule.events: needs at least one date"),
        ("{events: [2026-01-01, soon]}",
         "33: schedule.events[1]: must be a date, not the text 'soon'\nhint: write 2026-01-31, or 2026-01-31T06:00:00"),
        ("{cron: '@daily', every: 5m}", "11: schedule: has 'cron' and 'every', but a schedule is one of them\n"
         "hint: for assets or times, write {assets: […], or: '@daily'}"),
        ("{when: now}", "11: schedule: says no schedule; there are cron, every, events, assets, all, any, uses"),
        ("{cron: 0 7 * * *, partition: 5}", "40: schedule.partition: must be true or a mapping\n"
         "hint: write {key_format: '%Y-%m-%d', offset: -1}"),
        ("{cron: 0 7 * * *, partition: {ofset: 5}}", "41: schedule.partition.ofset: a partition has no 'ofset'\n"
         "hint: did you mean 'offset'?"),
        ("{all: a}", "17: schedule.all: must be a list of assets\n"
         "hint: write all: [s3://lake/orders, s3://lake/prices]"),
        ("{assets: []}", "20: schedule.assets: needs at least one asset"),
        ("{assets: [[a]]}", "21: schedule.assets[0]: must be an asset, not a list\n"
         "hint: write {all: […]} or {any: […]}"),
        ("{assets: [{any: [a], x: 1}]}", "32: schedule.assets[0].x: cannot stand beside 'any'"),
        ("{assets: [{and: [a]}]}", "21: schedule.assets[0]: 'and' is written 'all'\n"
         "hint: write {all: [s3://lake/orders, s3://lake/prices]}"),
        ("{assets: [true]}", f"21: schedule.assets[0]: must be an asset\nhint: write {FORMS}"),
        ("{assets: [{group: g}]}", f"21: schedule.assets[0]: an asset needs 'name' or 'uri'\nhint: write {FORMS}"),
        ("{assets: [{nmae: g}]}", "22: schedule.assets[0].nmae: an asset has no 'nmae'\nhint: did you mean 'name'?"),
        ("{assets: [{alias: g, uri: x}]}", "32: schedule.assets[0].uri: an asset has no 'uri'\n"
         "hint: there are alias, group"),
        ("{assets: [{name: g, extra: [1]}]}", "38: schedule.assets[0].extra: must be a mapping of plain values"),
        ("{assets: [{name: g, watchers: [{name: w}]}]}",
         "42: schedule.assets[0].watchers[0]: a watcher needs 'name' and 'trigger'\n"
         "hint: write watchers: [{name: …, trigger: {$new: import path of a trigger, with: {…}}}]"),
        ("{assets: [{name: g, watchers: [{name: w, trigger: x}]}]}",
         "61: schedule.assets[0].watchers[0].trigger: must be an object of a trigger\n"
         "hint: write {$new: import path of a trigger, with: {…}}"),
        ("{assets: a, or: {assets: b}}", "27: schedule.or: must be times, not assets\n"
         "hint: write {any: […]} for more assets"),
        ("{assets: a, partition: x}", "34: schedule.partition: must be true or an object that maps partition keys\n"
         "hint: write partition: {$new: airflow.sdk.StartOfDayMapper}, for example"),
        ("{uses: a.B, args: x}", "29: schedule.args: must be a list of arguments\n"
         "hint: arguments with a name go under 'with'"),
        ("{args: [1]}", "11: schedule: a timetable needs 'uses', the import path of its class"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_schedule(written: str, problem: str) -> None:
    assert [str(one) for one in reading(written).problems] == [f"p.yaml:2:{problem}"]


def test_a_time_zone_is_a_text() -> None:
    assert reading("0 6 * * *", "timezone: Europe/Berlin\n").pipelines[0].timezone == "Europe/Berlin"
    assert reading("0 6 * * *", "timezone: null\n").pipelines[0].timezone is None
    [problem] = reading("0 6 * * *", "timezone: [UTC]\n").problems
    assert str(problem) == "p.yaml:2:11: timezone: must be text, not a list"
