"""Classic operators: one object for each task, arrows between them, a branch and a join."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG

from corner_shop.orders import day_of, orders, write

MANY = 30


def count(params: Any, dag_run: Any) -> int:
    return len(orders(day_of(params, dag_run)))


def choose(ti: Any) -> str:
    return "busy_day" if ti.xcom_pull(task_ids="count") >= MANY else "quiet_day"


def note(ti: Any, params: Any, dag_run: Any) -> str:
    said = [ti.xcom_pull(task_ids=one) for one in ("busy_day", "quiet_day")]
    return write(f"busy_or_quiet/{day_of(params, dag_run)}", next(word for word in said if word))


with DAG(
    "busy_or_quiet", schedule=None, start_date=datetime(2026, 1, 1), params={"day": "2026-01-05"}, tags=["shop"]
) as dag:
    counting = PythonOperator(task_id="count", python_callable=count)
    choosing = BranchPythonOperator(task_id="choose", python_callable=choose)
    busy = BashOperator(task_id="busy_day", bash_command="echo busy")
    quiet = BashOperator(task_id="quiet_day", bash_command="echo quiet")
    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
    noting = PythonOperator(task_id="note", python_callable=note)

    counting >> choosing >> [busy, quiet] >> join >> noting
