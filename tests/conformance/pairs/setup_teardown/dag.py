"""A task that makes what others work with, and tasks that take it away."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup

with DAG("pair", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule=None) as dag:
    cluster = EmptyOperator(task_id="cluster").as_setup()
    with TaskGroup("work") as work:
        EmptyOperator(task_id="one") >> EmptyOperator(task_id="tidy").as_teardown()
    cluster >> work
    two = EmptyOperator(task_id="two")
    work >> two
    two >> EmptyOperator(task_id="drop").as_teardown(setups=cluster, on_failure_fail_dagrun=True)
