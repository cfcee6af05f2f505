"""dag-factory: objects by ``__type__``, callbacks with arguments, macros, params, and names of Airflow 2."""

from __future__ import annotations

import datetime as dt
from functools import partial

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, Param

with DAG(
    "objects",
    schedule=None,
    user_defined_macros={"shift": steps.shift, "shop": "eu", "dates": {"shift": steps.shift}},
    on_failure_callback=steps.told,
    params={"limit": Param(5, type="integer", minimum=1), "plain": "x"},
    default_args={
        "start_date": dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        "on_retry_callback": partial(steps.told_of, place="Berlin"),
        "execution_timeout": dt.timedelta(minutes=30),
    },
) as dag:
    shell = BashOperator(
        task_id="shell",
        bash_command="echo {{ shift(ds) }} {{ shop }} {{ dates.shift(ds) }}",
        on_success_callback=[steps.told, partial(steps.told_of, place="Rome")],
    )
    shell >> TimeDeltaSensor(task_id="wait", delta=dt.timedelta(hours=1), mode="reschedule")
    ExternalTaskSensor(
        task_id="other",
        external_dag_id="{{ params.plain }}",
        execution_delta=dt.timedelta(days=1),
        trigger_rule="always",
    )
