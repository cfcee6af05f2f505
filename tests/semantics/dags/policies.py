"""Retry policies: which error is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction, RetryRule, task

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=ConnectionError, action=RetryAction.RETRY, retry_delay=timedelta(seconds=1), reason="gone"),
        RetryRule(exception="builtins.PermissionError", action=RetryAction.FAIL, reason="not allowed"),
    ]
)

with DAG("policies", schedule=None, start_date=datetime(2026, 1, 1)):

    @task(retries=2, retry_delay=timedelta(seconds=1), retry_policy=POLICY)
    def raises(name, ti=None):
        print(f"try {ti.try_number}")
        raise {"connection": ConnectionError, "permission": PermissionError, "other": ValueError}[name](name)

    for name in ("connection", "permission", "other"):
        raises.override(task_id=name)(name)
