"""Operators, functions, outputs and defaults."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG(
    "pair",
    schedule="@daily",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    default_args={"retries": 2, "retry_delay": dt.timedelta(minutes=5)},
) as dag:
    task(steps.count)(text=BashOperator(task_id="greet", bash_command="echo {{ ds }}").output)
