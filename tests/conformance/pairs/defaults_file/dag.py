"""Keys that every pipeline of a folder has."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG


def made(name: str, schedule: str, queue: str) -> DAG:
    with DAG(
        name,
        schedule=schedule,
        start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        catchup=True,
        default_args={"owner": "shop", "queue": queue, "retries": 3},
    ) as dag:
        EmptyOperator(task_id="wait")
    return dag


ozone = made("pair_ozone", "@weekly", "q1")
gsod = made("pair_gsod", "@monthly", "q2")
