"""From the shop's API into the warehouse, a day at a time: every page, in place of what was there of that day."""

from __future__ import annotations

from typing import Any

from airflow.providers.http.hooks.http import HttpHook

from etl_classics.errors import ChangedSource
from etl_classics.warehouse import CONNECTION, copy_rows, make_tables, transaction

API = "shop_api"
FIELDS = ("id", "customer", "placed_at", "amount", "status")
TIMEOUT_SECONDS = 30.0

_TABLES = """
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE IF NOT EXISTS raw.orders (
    day date NOT NULL, id text PRIMARY KEY, customer integer NOT NULL, placed_at timestamptz NOT NULL,
    amount numeric(12, 2) NOT NULL, status text NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_by_day ON raw.orders (day);
"""


def fetch(day: str, api: str = API, warehouse: str = CONNECTION) -> dict[str, Any]:
    """Load the orders of a day; what was there of that day is replaced, all or nothing.

    Raises:
        ChangedSource: an order lacks a field; the warehouse is as it was.
    """
    found = [order for page in _pages(day, api) for order in page]
    rows = [(day, *(order[name] for name in FIELDS)) for order in found]
    with transaction(warehouse) as cursor:
        make_tables(cursor, _TABLES)
        cursor.execute("DELETE FROM raw.orders WHERE day = %s", (day,))
        copy_rows(cursor, "raw.orders", ("day", *FIELDS), rows)
    print(f"{len(rows):,} orders of {day}")
    return {"day": day, "orders": len(rows)}


def _pages(day: str, api: str) -> list[list[dict[str, Any]]]:
    hook, pages, last = HttpHook(method="GET", http_conn_id=api), [], 1
    while len(pages) < last:
        number = len(pages) + 1
        answer = hook.run(
            "orders", data={"day": day, "page": number}, extra_options={"timeout": TIMEOUT_SECONDS}
        ).json()
        pages.append([_checked(order, f"page {number} of the orders of {day}") for order in answer["orders"]])
        last = int(answer["pages"])
    return pages


def _checked(order: dict[str, Any], where: str) -> dict[str, Any]:
    if missing := [name for name in FIELDS if order.get(name) is None]:
        raise ChangedSource(
            f"{where}: an order has no {', '.join(missing)} (it has {', '.join(order)}); nothing was loaded"
        )
    return order
