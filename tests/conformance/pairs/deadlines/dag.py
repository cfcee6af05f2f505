"""Deadlines of a run, and retry policies of tasks."""

from __future__ import annotations

import datetime as dt

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)
from airflow.sdk.definitions.deadline import VariableInterval
from steps import Refused, later, told

HOUR = dt.timedelta(hours=1)
END = dt.datetime(2026, 12, 31, 6, tzinfo=dt.UTC)

with DAG(
    "deadlines",
    schedule="@daily",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    deadline=[
        DeadlineAlert(
            DeadlineReference.DAGRUN_QUEUED_AT, HOUR, SyncCallback(told, kwargs={"channel": "shop"}), name="slow"
        ),
        DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME(), HOUR / 2, AsyncCallback(later)),
        DeadlineAlert(DeadlineReference.FIXED_DATETIME(END), VariableInterval("patience"), SyncCallback(told)),
        DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, 2 * HOUR, AsyncCallback(later)),
    ],
) as dag:
    EmptyOperator(
        task_id="load",
        retries=3,
        retry_policy=ExceptionRetryPolicy(
            rules=[
                RetryRule(ConnectionError, retry_delay=dt.timedelta(minutes=5), reason="The shop is away"),
                RetryRule([Refused, PermissionError], action=RetryAction.FAIL),
            ]
        ),
        weight_rule="absolute",
    )
    EmptyOperator(
        task_id="store",
        retry_policy=ExceptionRetryPolicy(rules=[]),
        executor_config={"image": "shop/store", "flags": ["a"]},
    )
