"""TaskFlow: functions become tasks, and what they return goes from one to the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import dag, task

from corner_shop.orders import by_region, day_of, orders, write


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={"day": "2026-01-05"},
    default_args={"retries": 1, "retry_delay": timedelta(seconds=5)},
    tags=["shop"],
)
def revenue() -> None:
    """What each region paid, and the whole."""

    @task
    def fetch(params: Any = None, dag_run: Any = None) -> list[dict[str, Any]]:
        return orders(day_of(params, dag_run))

    @task(multiple_outputs=True)
    def add_up(found: list[dict[str, Any]]) -> dict[str, Any]:
        totals = by_region(found)
        return {"totals": totals, "whole": sum(totals.values())}

    @task
    def publish(totals: dict[str, int], whole: int, params: Any = None, dag_run: Any = None) -> str:
        return write(f"revenue/{day_of(params, dag_run)}", {**totals, "whole": whole})

    added = add_up(fetch())
    publish(added["totals"], added["whole"])


revenue()
