"""Functions in another Python."""

from __future__ import annotations

import steps
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

NEEDED = ["pandas==2.2.*", "# for its speed", "polars"]

with DAG("isolation", schedule=None) as dag:
    fresh = task.virtualenv(
        task_id="fresh", requirements=["pandas==2.2.*"], python_version="3.12", system_site_packages=False
    )(steps.count)(text="a")
    task.virtualenv(task_id="listed", requirements=NEEDED, index_urls=["https://pypi.example/simple"])(steps.count)(
        text=fresh
    )
    task.external_python(task_id="there", python="/opt/models/bin/python", expect_airflow=False)(steps.count)(text="b")
    task.branch_virtualenv(task_id="choose", requirements=[])(steps.choose)() >> EmptyOperator(task_id="left")
