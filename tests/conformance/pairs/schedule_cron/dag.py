"""Cron expressions: one, several, in time zones, with data intervals and with partitions."""

from __future__ import annotations

import datetime as dt

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    CronDataIntervalTimetable,
    CronPartitionTimetable,
    CronTriggerTimetable,
    MultipleCronTriggerTimetable,
)
from dateutil.relativedelta import relativedelta

BERLIN = pendulum.timezone("Europe/Berlin")
ANGELES = pendulum.timezone("America/Los_Angeles")

with DAG(
    "one",
    schedule="0 6 * * *",
    start_date=dt.datetime(2026, 1, 1, tzinfo=BERLIN),
    end_date=dt.datetime(2026, 12, 31, 12, tzinfo=BERLIN),
) as one:
    EmptyOperator(task_id="a", start_date=pendulum.datetime(2026, 3, 30, 2, 30, tz="Europe/Berlin"))

with DAG("zone_of_the_expression", schedule=CronTriggerTimetable("0 6 * * *", timezone="Europe/Berlin")) as zoned:
    EmptyOperator(task_id="a")

with DAG(
    "several",
    schedule=MultipleCronTriggerTimetable("0 6 * * *", "@monthly", timezone="UTC"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
) as several:
    EmptyOperator(task_id="a")

with DAG(
    "several_in_a_zone",
    schedule=MultipleCronTriggerTimetable("0 6 * * *", "0 18 * * *", timezone="America/Los_Angeles"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=ANGELES),
) as several_in_a_zone:
    EmptyOperator(task_id="a")

with DAG("with_intervals", schedule=CronDataIntervalTimetable("@daily", timezone="Europe/Berlin")) as with_intervals:
    EmptyOperator(task_id="a")

with DAG(
    "before_each_run",
    schedule=MultipleCronTriggerTimetable(
        "0 6 * * *",
        "0 18 * * *",
        timezone="Europe/Berlin",
        interval=relativedelta(months=1),
        run_immediately=dt.timedelta(hours=1),
    ),
) as before_each_run:
    EmptyOperator(task_id="a")

with DAG(
    "with_partitions",
    schedule=CronPartitionTimetable(
        "@daily", timezone="UTC", key_format="%Y-%m-%d", run_offset=-1, run_immediately=True
    ),
) as with_partitions:
    EmptyOperator(task_id="a")

with DAG("once", schedule="@once", start_date=dt.datetime(2026, 1, 1, tzinfo=BERLIN)) as once:
    EmptyOperator(task_id="a")
