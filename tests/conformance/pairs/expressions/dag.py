"""Values that differ from job to job."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OF = "of ${{ job.name }}"

with DAG("pair_north", description=OF, schedule="@daily", start_date=START, tags={"EU", "large"}) as north:
    BashOperator(task_id="load", bash_command="echo 'load 007 orders users'", retries=3)

with DAG("pair_south", description=OF, schedule=None, start_date=START, tags={"US", "small"}) as south:
    BashOperator(task_id="load", bash_command="echo 'load 01234 '", retries=0)
