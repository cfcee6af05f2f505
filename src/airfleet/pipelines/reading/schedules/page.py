"""The part of the reference page about schedules, time zones and assets."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.cron import PRESETS
from airfleet.yaml.reference import markdown_table


def page() -> str:
    """Write the sections about schedules, assets, durations and dates as Markdown."""
    tables = {
        "<FORMS>": markdown_table(("`schedule`", "runs"), _FORMS),
        "<PRESETS>": markdown_table(("preset", "runs"), ((f"`{name}`", says) for name, says in PRESETS.items())),
        "<BESIDE>": markdown_table(("key", "means"), ((f"`{name}`", says) for name, says in _BESIDE.items())),
        "<ASSETS>": markdown_table(("form", "means"), _ASSETS),
    }
    text = _PAGE
    for mark, table in tables.items():
        text = text.replace(mark, table)
    return text


_FORMS: Final = (
    ("`null`, or no `schedule`", "only by hand"),
    ('`"0 6 * * *"`, `"@daily"`', "at the times of a cron expression of five fields, or of a preset"),
    ('`"CRON_TZ=Europe/Berlin 0 6 * * *"`', "the same, in a time zone of its own"),
    ('`["0 6 * * *", "0 18 * * *"]`', "at the times of several expressions"),
    ('`{cron: "@daily", timezone: Europe/Berlin, interval: true}`', "the same, with what stands beside `cron`"),
    ("`{every: 90m}`, `{every: P1M}`", "after each such length; `P1M` is a month, `P1Y` a year"),
    ("`{events: [2026-12-24, 2026-12-31T12:00]}`", "at these moments"),
    ("`{assets: [s3://lake/orders, prices]}`", "when all of these [assets](#assets) have changed"),
    ("`{any: [a, {all: [b, c]}]}`", "when one of them has changed; `all` and `any` in any depth"),
    ('`{assets: [a, b], or: "@daily"}`', "after changes, and at times besides: `or` takes every form above"),
    ("`{uses: import path, with: {…}, args: […]}`", "as any timetable says; `args` are arguments without a name"),
)
_BESIDE: Final = {
    "timezone": "The time zone of the expressions.",
    "interval": "`true`: the data interval is the time between two runs, and the run comes at its end, as in "
    "Airflow 2. A length such as `1d` or `P1M`: that length before the run. `false`: none, whatever Airflow is set to.",
    "run_immediately": "Whether a new Dag without `start_date` makes the latest run at once; or a length: "
    "if it was due so short a time ago.",
    "partition": '`true`, or `{key_format: "%Y-%m-%d", offset: -1}`: runs have a partition key, which is the date of '
    "the run, or of the one that lies so many runs before or after it.",
}
_ASSETS: Final = (
    ("`s3://lake/orders`", "the asset with this address, which is its name, too"),
    ("`orders`", "the asset with this name, which is its address, too"),
    (
        "`{name: orders, uri: s3://lake/orders, group: sales, extra: {…}}`",
        "an asset that is described; `name` or `uri` is enough",
    ),
    ("`{alias: name}`", "assets that a task names when it runs"),
    ("`{ref: orders}`, `{ref: s3://lake/orders}`", "an asset that another Dag describes"),
)
_PAGE: Final = """\
## Schedules

<FORMS>

<PRESETS>

`@continuous` needs `max_active_runs: 1`.

A cron expression or preset is the moment of the run, and its data interval has no length: `data_interval_start`,
`data_interval_end` and `logical_date` are equal, as in Airflow 3. Beside `cron` may stand:

<BESIDE>

Several expressions have `interval` as a length alone, and no `partition`.
Beside `events` may stand `restrict_to_events: true`, by which a run by hand is about the latest event, and
`description`. Beside assets may stand `partition: true`, by which runs have the partition keys of the changes, or the
object that maps the keys: `partition: {$new: airflow.sdk.StartOfDayMapper}`. A Dag whose tasks name the keys has
`{uses: airflow.sdk.PartitionedAtRuntime}`.

### Time zones

`timezone: Europe/Berlin` at the top is the time zone of cron expressions and of all dates that name none. Without it,
that is Airflow's default time zone: UTC, unless `fleet.yaml` says
`airflow: {core: {default_timezone: Europe/Berlin}}`. `0 6 * * *` in Berlin is six o'clock there, in summer and in
winter. A time that a change of the clock leaves out comes an hour later; one that comes twice is one run.

Without `timezone`, a cron expression is in the time zone of the `start_date`, as in Airflow. With an offset it is that
offset all year round: after `start_date: 2026-01-01T00:00:00+01:00` it is seven o'clock in Berlin's summer.

### Assets

`inlets` and `outlets` of a task, and schedules, name assets:

<ASSETS>

An asset has one name and one address, in all Dags of a fleet. Where a document describes an asset, its name or its
address alone is that asset in the whole document; other documents write `{ref: …}`.
`watchers: [{name: …, trigger: {$new: …}}]` beside them are triggers that say that the asset has changed.

```yaml
dag_id: report
timezone: Europe/Berlin
schedule: {assets: [s3://lake/orders], or: "0 6 * * *"}
tasks:
  - {id: write, uses: "shop.steps:write", outlets: [{name: report, uri: "s3://lake/report"}]}
```

## Durations and dates

A duration is `90s`, `5m`, `1h30m`, `1d`, `2w`, ISO 8601 (`PT5M`, `P1DT12H`), or a number of seconds.
A date is `2026-01-31`, or a date with time, `2026-01-31T06:00:00`; with an offset (`+01:00`, `Z`) or in the
[time zone](#time-zones) of the pipeline.
"""
