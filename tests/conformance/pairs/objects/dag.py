"""Objects of classes among the arguments of an operator."""

from __future__ import annotations

from airflow.sdk import DAG
from steps import ContainerOperator, Options, Volume

with DAG("objects", schedule=None, params={"tag": 3}) as dag:
    ContainerOperator(
        task_id="load",
        image="shop/load:{{ params.tag }}",
        volumes=[Volume("cache", path="/cache/{{ ds }}", options=Options("ro", "sync", size=3))],
    )
