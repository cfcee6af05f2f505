"""Dynamic mapping: one copy of a task for each thing that is found while the run goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

from corner_shop.orders import by_region, day_of, orders, write

with DAG("by_region", schedule=None, start_date=datetime(2026, 1, 1), params={"day": "2026-01-05"}, tags=["shop"]):

    @task
    def regions(params: Any = None, dag_run: Any = None) -> list[str]:
        return sorted({order["region"] for order in orders(day_of(params, dag_run))})

    @task(map_index_template="{{ region }}")
    def pays(region: str, params: Any = None, dag_run: Any = None) -> dict[str, int]:
        return {region: by_region(orders(day_of(params, dag_run)))[region]}

    @task
    def commands(totals: list[dict[str, int]]) -> list[str]:
        return [f"echo {region} {amount}" for one in totals for region, amount in one.items()]

    @task
    def publish(lines: list[str], params: Any = None, dag_run: Any = None) -> str:
        return write(f"by_region/{day_of(params, dag_run)}", sorted(lines))

    said = BashOperator.partial(task_id="say").expand(bash_command=commands(pays.expand(region=regions())))
    publish(said.output)
