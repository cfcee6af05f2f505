"""Runs after changes of assets: lists, conditions in any depth, aliases, references, and times besides."""

from __future__ import annotations

import datetime as dt

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    AssetAll,
    AssetAny,
    AssetOrTimeSchedule,
    AssetWatcher,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
    PartitionedAssetTimetable,
    StartOfDayMapper,
)

A, B, C = (Asset(name) for name in "abc")

with DAG(
    "all_of_a_list",
    schedule=[
        Asset("s3://lake/orders"),
        Asset("price_list", "s3://lake/price_list/", group="shop", extra={"owner": "us"}),
    ],
) as all_of_a_list:
    EmptyOperator(task_id="a")

with DAG("one", schedule=Asset("prices_alone")) as one:
    EmptyOperator(task_id="a")

CONDITION = AssetAny(A, AssetAll(B, AssetAlias("c", group="g")), Asset.ref(name="d"), Asset.ref(uri="s3://lake/e"))
with DAG("nested", schedule=CONDITION) as nested:
    EmptyOperator(task_id="a")

with DAG("deeper", schedule=A & (B | C)) as deeper:
    EmptyOperator(task_id="a")

with DAG(
    "or_times",
    schedule=AssetOrTimeSchedule(assets=[A, B], timetable=CronTriggerTimetable("@daily", timezone="Europe/Berlin")),
) as or_times:
    or_times.timezone = pendulum.timezone("Europe/Berlin")
    EmptyOperator(task_id="a")

with DAG(
    "or_length",
    schedule=AssetOrTimeSchedule(assets=A | B, timetable=DeltaTriggerTimetable(dt.timedelta(days=1))),
) as or_length:
    EmptyOperator(task_id="a")

with DAG(
    "or_several",
    schedule=AssetOrTimeSchedule(
        assets=[A],
        timetable=MultipleCronTriggerTimetable("0 6 * * *", "0 18 * * *", timezone="Europe/Berlin"),
    ),
) as or_several:
    EmptyOperator(task_id="a")

with DAG("partitioned", schedule=PartitionedAssetTimetable(assets=A & B)) as partitioned:
    EmptyOperator(task_id="a")

with DAG(
    "mapped",
    schedule=PartitionedAssetTimetable(
        assets=A | B, default_partition_mapper=StartOfDayMapper(timezone="Europe/Berlin")
    ),
) as mapped:
    EmptyOperator(task_id="a")

ARRIVALS = AssetWatcher("arrivals", FileDeleteTrigger("/lake/arrived", poke_interval=30))
with DAG("watched", schedule=[Asset(uri="file:///lake/arrived", watchers=[ARRIVALS])]) as watched:
    EmptyOperator(task_id="a")
