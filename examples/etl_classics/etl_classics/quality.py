"""Data that wait at a gate: let through when they are good, refused when they are bad, asked about in between."""

from __future__ import annotations

from typing import Any

from airflow.providers.http.hooks.http import HttpHook

from etl_classics.errors import BadData
from etl_classics.orders import API, TIMEOUT_SECONDS
from etl_classics.warehouse import CONNECTION, copy_rows, make_tables, transaction

#: shares of products without a price: up to the first it is good, above the second it is bad
GOOD, BAD = 0.02, 0.25

_TABLES = """
CREATE SCHEMA IF NOT EXISTS gate;
CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS gate.stock (
    day date NOT NULL, product integer NOT NULL, pieces integer, price numeric(12, 2)
);
CREATE TABLE IF NOT EXISTS shop.stock (
    day date NOT NULL, product integer NOT NULL, pieces integer NOT NULL, price numeric(12, 2),
    PRIMARY KEY (day, product)
);
"""


def stage(day: str, api: str = API, warehouse: str = CONNECTION) -> dict[str, Any]:
    """Put the stock of a day before the gate, in place of what was there of that day."""
    hook = HttpHook(method="GET", http_conn_id=api)
    found = hook.run("stock", data={"day": day}, extra_options={"timeout": TIMEOUT_SECONDS}).json()["stock"]
    rows = [(day, one["product"], one["pieces"], one["price"]) for one in found]
    with transaction(warehouse) as cursor:
        make_tables(cursor, _TABLES)
        cursor.execute("DELETE FROM gate.stock WHERE day = %s", (day,))
        copy_rows(cursor, "gate.stock", ("day", "product", "pieces", "price"), rows)
    return {"day": day, "rows": len(rows)}


def measure(day: str, warehouse: str = CONNECTION) -> dict[str, Any]:
    """How good the data before the gate are."""
    with transaction(warehouse) as cursor:
        cursor.execute(
            "SELECT count(*), count(*) - count(price), count(*) FILTER (WHERE pieces IS NULL OR pieces < 0), "
            "count(*) - count(DISTINCT product) FROM gate.stock WHERE day = %s",
            (day,),
        )
        rows, unpriced, impossible, twice = map(int, cursor.fetchone())
    share = unpriced / rows if rows else 1.0
    return {"day": day, "rows": rows, "unpriced": unpriced, "share": share, "impossible": impossible, "twice": twice}


def decide(measured: dict[str, Any], good: float = GOOD, bad: float = BAD) -> str:
    """The task that goes on: ``publish``, ``ask`` or ``refuse``."""
    if not measured["rows"] or measured["impossible"] or measured["twice"] or measured["share"] > bad:
        return "refuse"
    return "publish" if measured["share"] <= good else "ask"


def publish(day: str, warehouse: str = CONNECTION) -> dict[str, Any]:
    """Let the data of a day through the gate, in place of what was let through of it before."""
    with transaction(warehouse) as cursor:
        cursor.execute("DELETE FROM shop.stock WHERE day = %s", (day,))
        cursor.execute(
            "INSERT INTO shop.stock SELECT day, product, pieces, price FROM gate.stock WHERE day = %s", (day,)
        )
        return {"day": day, "rows": cursor.rowcount}


def refuse(measured: dict[str, Any]) -> None:
    """Say why nothing is published. Raises BadData."""
    found = (
        f"{measured['unpriced']} of {measured['rows']} products have no price"
        if measured["rows"]
        else "there is nothing"
    )
    more = f", {measured['impossible']} impossible numbers, {measured['twice']} products twice"
    raise BadData(f"the stock of {measured['day']} is not published: {found}{more}")
