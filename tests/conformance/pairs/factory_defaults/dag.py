"""dag-factory: a ``default`` block with tasks, lists of tasks that merge by their ids, operators of Airflow 2."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

OF_ALL = {
    "schedule": "15 2 * * *",
    "catchup": False,
    "max_active_tasks": 3,
    "default_args": {
        "owner": "data",
        "start_date": dt.datetime(2025, 2, 1, tzinfo=dt.UTC),
        "retries": 1,
        "retry_delay": dt.timedelta(minutes=5),
    },
}

with DAG("orders", description="Orders of the day", tags=["nightly"], **OF_ALL) as orders:
    extract = BashOperator(task_id="extract", bash_command='echo "rows of {{ ds }}"')
    extract >> BashOperator(task_id="load", bash_command="echo orders of {{ ds }}")

with DAG("stock", tags=["hourly"], max_active_runs=1, **OF_ALL) as stock:
    extract = BashOperator(task_id="extract", bash_command='echo "rows of {{ ds }}"')
    report = PythonOperator(
        task_id="report",
        python_callable=steps.report,
        op_kwargs={"day": "{{ ds }}", "limit": 10},
        trigger_rule="all_done",
    )
    extract >> BashOperator(task_id="load", bash_command="echo stock of {{ ds }}", retries=4) >> report
