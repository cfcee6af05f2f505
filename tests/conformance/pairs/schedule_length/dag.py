"""A run after each length of time: a fixed one, and one with years and months."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from dateutil.relativedelta import relativedelta

with DAG("minutes", schedule=dt.timedelta(minutes=90)) as minutes:
    EmptyOperator(task_id="a")

with DAG(
    "months",
    schedule=relativedelta(years=1, months=2, hours=6),
    start_date=dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
) as months:
    EmptyOperator(task_id="a")
