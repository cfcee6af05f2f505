"""Documents without a Dag share with those that follow."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

with DAG("pair_one", schedule=None, start_date=START, default_args={"retries": 1}) as one:
    BashOperator(task_id="a", bash_command="echo")
with DAG("pair_two", schedule=None, start_date=START, default_args={"retries": 2}) as two:
    BashOperator(task_id="a", bash_command="echo")
