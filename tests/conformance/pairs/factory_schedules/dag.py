"""dag-factory: lengths of time, time zones, timetables, and assets in all the ways to write them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import DAG, Asset, AssetAlias, AssetAll, AssetAny, AssetWatcher
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable
from dateutil.relativedelta import relativedelta

START = {"start_date": dt.datetime(2025, 6, 1, tzinfo=dt.UTC)}
ORDERS, PRICES, STOCK = (Asset(f"s3://lake/{name}") for name in ("orders", "prices", "stock"))


def of(dag_id: str, schedule: Any, **more: Any) -> DAG:
    with DAG(dag_id, schedule=schedule, default_args=START, **more) as dag:
        EmptyOperator(task_id="write")
    return dag


with DAG("producer", schedule=dt.timedelta(hours=6), default_args=START) as producer:
    EmptyOperator(task_id="write", inlets=[Asset("s3://lake/raw")], outlets=[ORDERS, PRICES, AssetAlias("files")])
monthly = of("monthly", relativedelta(months=1))
PARIS = pendulum.timezone("Europe/Paris")
with DAG(
    "paris",
    schedule="0 6 * * *",
    start_date=dt.datetime(2025, 6, 1, 8, tzinfo=PARIS),
    default_args={"start_date": dt.datetime(2025, 6, 1, tzinfo=PARIS)},
) as paris:
    EmptyOperator(task_id="write")
wednesdays = of("wednesdays", CronTriggerTimetable("0 1 * * 3", timezone="UTC"))
both = of("both", [ORDERS, PRICES])
condition = of("condition", AssetAny(AssetAll(ORDERS, PRICES), STOCK))
NAMED = Asset(name="returns", uri="s3://lake/returns", extra={"owner": "us"})
nested = of("nested", AssetAny(AssetAll(NAMED, PRICES), STOCK))
assets_or_time = of(
    "assets_or_time",
    AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 1 * * 5", timezone="UTC"),
        assets=AssetAny(Asset("orders"), Asset("prices")),
    ),
)
named = of("named", [ORDERS, PRICES])
WATCHER = AssetWatcher(name="arrivals", trigger=FileDeleteTrigger(filepath="/lake/arrived"))
watched = of("watched", [Asset(uri="file:///lake/arrived", watchers=[WATCHER])])
