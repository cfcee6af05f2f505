"""Parts of other files: templates, defaults, params and a callback."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    "pair",
    schedule="@daily",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    default_args={"retries": 2, "retry_delay": dt.timedelta(minutes=10), "pool": "shared"},
    params={"region": "eu", "table": "trips"},
    tags=["base"],
    on_failure_callback=steps.tell,
) as dag:
    first = BashOperator(task_id="first", bash_command="echo {{ ds }}\n", priority_weight=5)
    second = BashOperator(
        task_id="second", bash_command="echo {{ ds }}\n", priority_weight=5, pool="default_pool", retries=0
    )
    first >> second
