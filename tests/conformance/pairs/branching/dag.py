"""A branch, a join and a short circuit."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.sdk import DAG

with DAG("pair", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule=None) as dag:
    choose = BranchPythonOperator(task_id="choose", python_callable=steps.choose)
    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
    choose >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")] >> join
    stop = ShortCircuitOperator(task_id="stop", python_callable=steps.goes_on)
    join >> stop >> LatestOnlyOperator(task_id="latest")
