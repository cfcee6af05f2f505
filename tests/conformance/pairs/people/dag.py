"""Questions to people, other Dags that are started, and others that are waited for."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLBranchOperator, HITLEntryOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.sdk import DAG, Param

with DAG("people", schedule=None) as dag:
    approve = ApprovalOperator(
        task_id="approve", subject="Ship on {{ ds }}?", fail_on_reject=True, response_timeout=timedelta(hours=2)
    )
    amount = HITLEntryOperator(
        task_id="amount", subject="How many?", params={"amount": Param(type="integer", default=1, minimum=1)}
    )
    way = HITLBranchOperator(
        task_id="way", subject="Which way?", options=["road", "rail"], options_mapping={"rail": "by_rail"}
    )
    road, by_rail = EmptyOperator(task_id="road"), EmptyOperator(task_id="by_rail")
    bill = TriggerDagRunOperator(
        task_id="bill", trigger_dag_id="bills", conf={"what": "road"}, wait_for_completion=True, poke_interval=30
    )
    orders = ExternalTaskSensor(
        task_id="orders",
        external_dag_id="orders",
        external_task_ids=["load"],
        execution_delta=timedelta(hours=1),
        mode="reschedule",
        deferrable=False,
    )
    approve >> amount >> way >> [road, by_rail]
    road >> bill
    by_rail >> orders
