"""Tasks and groups made in loops."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TaskGroup

with DAG("pair", schedule=None) as dag:
    copies = [
        BashOperator(task_id=f"copy_{table}", bash_command=f"echo copy {table}", retries=3 if table == "orders" else 0)
        for table in ("orders", "users")
    ]
    for region, size in [("eu", 1), ("eu", 2), ("us", 1)]:
        with TaskGroup(f"{region}_{size}") as group:
            for part in range(size):
                BashOperator(task_id=f"train_{part}", bash_command=f"echo train {part}")
        copies >> group
