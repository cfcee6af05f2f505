"""Assets: the second Dag runs when the first has written what it needs, not at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Asset, Metadata, task

from corner_shop.orders import by_region, day_of, orders, write

totals_of_a_day = Asset("shop_totals_of_a_day")

with DAG("writes_totals", schedule=None, start_date=datetime(2026, 1, 1), params={"day": "2026-01-05"}, tags=["shop"]):

    @task(outlets=[totals_of_a_day])
    def write_totals(params: Any = None, dag_run: Any = None) -> Any:
        day = day_of(params, dag_run)
        write(f"totals/{day}", by_region(orders(day)))
        yield Metadata(totals_of_a_day, {"day": day})

    write_totals()

with DAG("reads_totals", schedule=[totals_of_a_day], start_date=datetime(2026, 1, 1), tags=["shop"]):

    @task
    def read_totals(triggering_asset_events: Any = None) -> list[str]:
        days = [event.extra["day"] for event in triggering_asset_events[totals_of_a_day]]
        return [write(f"read/{day}", sum(by_region(orders(day)).values())) for day in days]

    read_totals()
