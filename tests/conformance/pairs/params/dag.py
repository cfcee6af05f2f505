"""Params as values and with the schemas of a form."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

with DAG(
    "params",
    schedule=None,
    params={
        "region": Param("eu", "Where the shop is", type="string", enum=["eu", "us"], title="Region"),
        "day": Param("2026-01-31", type="string", format="date"),
        "rows": Param(10, type="integer", minimum=1),
        "tags": ["a", "b"],
        "options": {"deep": {"size": 1}},
        "schema": {"type": "object", "default": {}},
    },
) as dag:
    EmptyOperator(task_id="load", params={"mode": Param(None, type=["string", "null"], section="More")})
