"""Values that differ from job to job."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

with DAG("pair_north", schedule="@daily", start_date=START, tags={"EU", "large"}) as north:
    BashOperator(task_id="load", bash_command="load 007 orders users from ${{ HOST }}", retries=3)

with DAG("pair_south", schedule=None, start_date=START, tags={"US", "small"}) as south:
    BashOperator(task_id="load", bash_command="load 01234  from ${{ HOST }}", retries=0)
