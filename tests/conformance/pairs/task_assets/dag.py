"""Inlets and outlets: of defaults, one, several, and in every form."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAlias

ORDERS = Asset("s3://lake/orders")

with DAG("assets", default_args={"outlets": [Asset("s3://lake/log")]}) as dag:
    read = EmptyOperator(task_id="read", inlets=[ORDERS])
    read >> BashOperator(
        task_id="write",
        bash_command="echo {{ ds }}",
        inlets=[
            ORDERS,
            Asset.ref(name="prices"),
            Asset("customers", "s3://lake/customers", extra={"rows": [1, 2.5, None]}),
        ],
        outlets=[Asset("report"), AssetAlias("files")],
    )
