"""Functions and notifiers, with arguments and without, at every level."""

from __future__ import annotations

import functools

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from steps import Mail, after, told

with DAG(
    "callbacks",
    schedule=None,
    on_failure_callback=[told, functools.partial(told, channel="shop")],
    on_success_callback=Mail("{{ run_id }}", to=["a@example.com"]),
    default_args={"on_retry_callback": Mail("again")},
) as dag:
    load = EmptyOperator(
        task_id="load",
        on_execute_callback=told,
        on_skipped_callback=[Mail("left out")],
        pre_execute=functools.partial(told, channel="load"),
        post_execute=after,
    )
    load >> EmptyOperator(task_id="end", on_retry_callback=None)
