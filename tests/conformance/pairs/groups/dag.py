"""Groups in groups, with needs on and of groups, defaults, and names without a prefix."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup

with DAG("pair", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule=None, default_args={"retries": 1}) as dag:
    begin = EmptyOperator(task_id="begin")
    with TaskGroup(
        "load",
        group_display_name="Load the shops",
        tooltip="From the shops",
        doc_md="All of them",
        default_args={"retries": 3, "queue": "shops"},
    ) as load:
        fetch = BashOperator(task_id="fetch", bash_command="true")
        store = BashOperator(task_id="store", bash_command=fetch.output)
        with TaskGroup("checks", ui_color="#fff") as checks:
            begin >> EmptyOperator(task_id="rows")
            EmptyOperator(task_id="sums", retries=5)
        store >> checks
        [fetch, store, checks] >> EmptyOperator(task_id="sign")
    begin >> load
    with TaskGroup("plain", prefix_group_id=False) as plain:
        EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
    load >> plain
    [plain, fetch] >> EmptyOperator(task_id="end")
