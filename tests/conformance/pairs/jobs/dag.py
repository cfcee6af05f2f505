"""Dags of one shape, by a table, by files and by a matrix."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def load(name: str, schedule: str, code: str, queue: str) -> DAG:
    with DAG(f"pair_{name}", schedule=schedule, start_date=START) as dag:
        BashOperator(task_id="load", bash_command=f"echo load {code}", queue=queue)
    return dag


def combination(region: str, day: int) -> DAG:
    with DAG(f"pair_{region}_{day}", schedule=None) as dag:
        BashOperator(task_id="load", bash_command=f"echo load {region} {day}")
    return dag


north = load("north", "@daily", "007", "q1")
south = load("south", "0 6 * * 1,2", "of south", "q2")
east = load("east", "@daily", "x", "q3")
eu_1, eu_2, us_1 = combination("eu", 1), combination("eu", 2), combination("us", 1)
