"""Any timetable, with arguments by name and by place."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, DeltaDataIntervalTimetable, MultipleCronTriggerTimetable, PartitionedAtRuntime
from dateutil.relativedelta import relativedelta

with DAG(
    "by_place",
    schedule=MultipleCronTriggerTimetable(
        "0 6 * * *", "0 18 * * *", timezone="Europe/Berlin", interval=relativedelta(months=1)
    ),
) as by_place:
    EmptyOperator(task_id="a")

with DAG("delta", schedule=DeltaDataIntervalTimetable(relativedelta(months=1))) as delta:
    EmptyOperator(task_id="a")

with DAG("at_runtime", schedule=PartitionedAtRuntime()) as at_runtime:
    EmptyOperator(task_id="a")
