"""dag-factory: groups in groups, with and without their names before the ids of tasks."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup

with DAG(
    "shop_night",
    schedule=None,
    default_args={"owner": "shop", "start_date": dt.datetime(2025, 6, 1, tzinfo=dt.UTC)},
) as dag:
    begin = EmptyOperator(task_id="begin")
    with TaskGroup("loading", tooltip="Everything that is loaded", default_args={"retries": 3}) as loading:
        load = BashOperator(task_id="load", bash_command="echo {{ ds }}")
        with TaskGroup("checks") as checks:
            rows = EmptyOperator(task_id="rows")
            rows >> EmptyOperator(task_id="sums")
        load >> checks
    begin >> loading
    with TaskGroup("flat", prefix_group_id=False) as flat:
        EmptyOperator(task_id="mail")
    loading >> flat
    [flat, rows] >> EmptyOperator(task_id="end")
