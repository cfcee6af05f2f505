"""dag-factory: decorated functions, outputs by ``+task``, and tasks that expand."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task

with DAG("numbers", schedule="0 3 * * *", start_date=dt.datetime(2025, 6, 1, tzinfo=dt.UTC)) as dag:
    some = task(steps.some)()
    both = task(steps.both, multiple_outputs=True)()
    task(steps.double, retries=2)(number=some)
    task(steps.double, task_id="first")(number=both["first"])
    task(steps.labelled, task_id="each").partial(label="of {{ ds }}").expand(number=some)
    task(steps.double, task_id="given", map_index_template="{{ task.op_kwargs }}").expand(number=[1, 3, 5])
    request = PythonOperator(task_id="request", python_callable=steps.asked)
    process = PythonOperator.partial(
        task_id="process", python_callable=steps.labelled, op_kwargs={"label": "fixed"}
    ).expand(op_args=request.output)
