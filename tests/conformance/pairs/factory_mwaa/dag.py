"""MWAA Serverless: every argument written out, decorated functions as a class, cron as EventBridge has it."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)

with DAG(
    "invoices",
    schedule="30 4 * * 1-5",
    start_date=START,
    is_paused_upon_creation=True,
    default_args={"start_date": START},
) as dag:
    collect = BashOperator(
        task_id="collect", bash_command="echo {{ ds }}", retries=2, retry_delay=300.0, start_date=START
    )
    total = task(steps.total, retry_delay=dt.timedelta(seconds=60))
    rows = task(steps.rows)(day="{{ ds }}")
    collect >> rows
    total.partial(label="{{ ds }}").expand(rows=rows)
