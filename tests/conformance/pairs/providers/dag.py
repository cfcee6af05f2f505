"""Operators of several providers, by their short names."""

from __future__ import annotations

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG

with DAG("providers", schedule=None) as dag:
    (
        HttpOperator(task_id="ask", endpoint="orders", method="GET")
        >> SQLExecuteQueryOperator(task_id="store", sql="SELECT 1", conn_id="shop")
        >> S3KeySensor(task_id="wait", bucket_key="s3://lake/orders", poke_interval=300, mode="reschedule")
    )
