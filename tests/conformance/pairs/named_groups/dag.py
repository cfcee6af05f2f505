"""Groups that begin from named ones."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TaskGroup


def load(name: str, tooltip: str, pool: str) -> TaskGroup:
    with TaskGroup(name, tooltip=tooltip) as group:
        fetch = BashOperator(task_id="fetch", bash_command="echo", retries=1, pool=pool)
        fetch >> BashOperator(task_id="store", bash_command="echo", retries=1, pool=pool)
    return group


with DAG("pair", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) as dag:
    load("orders", "From the shop", "shop") >> load("returns", "Sent back", "slow")
