"""A group that is repeated as a whole."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task, task_group


@task_group
def load(table: str) -> None:
    command = task(steps.fetch)(table=table)
    BashOperator(task_id="store", bash_command=command, env={"TABLE": "all"})


with DAG("pair", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule=None) as dag:
    load.expand(table=task(steps.tables)()) >> EmptyOperator(task_id="end")
