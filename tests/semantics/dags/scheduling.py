"""Pools, priorities, limits, dependence on the past, mixed queues."""

from __future__ import annotations

import time
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, task
from semantics_witness import tell


@task
def stays(name, dag=None):
    tell(dag.dag_id, f"in {name}")
    time.sleep(0.3)
    tell(dag.dag_id, f"out {name}")


with DAG("pools", schedule=None, start_date=datetime(2026, 1, 1)):
    for name, weight in (("low", 1), ("high", 30), ("middle", 10)):
        stays.override(task_id=name, pool="semantics_narrow", priority_weight=weight)(name)
    stays.override(task_id="too_wide", pool="semantics_narrow", pool_slots=1, priority_weight=0)("too_wide")

with DAG("limits", schedule=None, start_date=datetime(2026, 1, 1), max_active_tasks=1):
    for number in (1, 2, 3):
        stays.override(task_id=f"one_by_one_{number}", priority_weight=number)(number)

with DAG("limits_of_a_task", schedule=None, start_date=datetime(2026, 1, 1)):
    stays.override(task_id="mapped", max_active_tis_per_dagrun=1).expand(name=["a", "b", "c"])

with DAG("past", schedule=None, start_date=datetime(2026, 1, 1)):

    @task(depends_on_past=True)
    def follows(dag_run=None):
        if dag_run.conf.get("fail"):
            raise RuntimeError("as asked")

    follows() >> BashOperator(task_id="next", bash_command="true", depends_on_past=True)

with DAG("run_again", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def fails_at_first(ti=None):
        print(f"try {ti.try_number}")
        if ti.try_number == 1:
            raise RuntimeError("the first time")
        return ti.try_number

    fails_at_first() >> BashOperator(task_id="next", bash_command="echo try {{ ti.try_number }}")

with DAG("starts_another", schedule=None, start_date=datetime(2026, 1, 1)):
    first = TriggerDagRunOperator(
        task_id="and_waits", trigger_dag_id="another", trigger_run_id="first", conf={"word": "{{ ds }}"},
        wait_for_completion=True, poke_interval=1, deferrable=False,
    )  # fmt: skip
    second = TriggerDagRunOperator(
        task_id="and_defers", trigger_dag_id="another", trigger_run_id="second", conf={"fail": True},
        wait_for_completion=True, poke_interval=1, deferrable=True,
    )  # fmt: skip
    third = TriggerDagRunOperator(
        task_id="again", trigger_dag_id="another", trigger_run_id="first", skip_when_already_exists=True
    )
    fourth = TriggerDagRunOperator(task_id="refused", trigger_dag_id="another", trigger_run_id="first")
    fifth = TriggerDagRunOperator(task_id="unknown", trigger_dag_id="there_is_no_such_dag")
    first >> [second, third, fourth, fifth]

with DAG("another", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def says(dag_run=None):
        print(dag_run.conf, dag_run.run_type)
        if dag_run.conf.get("fail"):
            raise RuntimeError("as asked")

    says()

with DAG("once", schedule="@once", start_date=datetime(2026, 1, 1), catchup=True):

    @task
    def scheduled(dag_run=None, ds=None, data_interval_start=None):
        return [dag_run.run_type, ds, str(data_interval_start)]

    scheduled()

with DAG("catches_up", schedule="@daily", start_date=datetime(2026, 1, 1), end_date=datetime(2026, 1, 3), catchup=True):

    @task
    def daily(ds=None, data_interval_end=None, prev_data_interval_start_success=None, ti=None):
        return [ds, str(data_interval_end)]

    daily()
