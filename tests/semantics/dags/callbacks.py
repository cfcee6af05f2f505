"""Callbacks of tasks and Dags, notifiers, and what each of them is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.sdk import DAG, BaseNotifier, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from semantics_witness import called, tell

KINDS = ("on_execute", "on_success", "on_failure", "on_retry", "on_skipped")
ALL = {f"{kind}_callback": called(kind) for kind in KINDS}


class Notifier(BaseNotifier):
    template_fields = ("message",)

    def __init__(self, message):
        super().__init__()
        self.message = message

    def notify(self, context):
        tell(context["dag"].dag_id, "notified", self.message)
        self.log.info("notified: %s", self.message)


def breaks(context):
    print("about to break")
    raise RuntimeError("a callback that breaks")


def leaves(context):
    raise SystemExit(9)


with DAG(
    "callbacks_of_tasks",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    default_args={**ALL, "retry_delay": timedelta(seconds=1)},
    on_success_callback=called("dag_success"),
    on_failure_callback=[called("dag_failure"), Notifier("{{ dag.dag_id }} {{ run_id }}")],
):

    @task
    def succeeds():
        print("fine")

    @task(retries=1)
    def fails():
        raise ValueError("wrong")

    @task(retries=2)
    def fails_for_good():
        raise AirflowFailException("for good")

    @task
    def skips():
        raise AirflowSkipException("today")

    @task(retries=1)
    def recovers(ti=None):
        if ti.try_number == 1:
            raise RuntimeError("once")

    @task
    def exits():
        import os

        os._exit(4)

    @task(on_success_callback=[breaks, called("second")])
    def its_callback_breaks():
        print("fine, too")

    @task(on_failure_callback=[breaks, called("second")])
    def its_failure_callback_breaks():
        raise ValueError("wrong, too")

    @task(on_execute_callback=breaks)
    def its_start_breaks():
        print("does it run?")

    @task(on_success_callback=leaves)
    def its_callback_leaves():
        print("fine, three")

    @task(
        on_success_callback=Notifier("{{ ti.task_id }} on {{ ds }}"),
        on_execute_callback=Notifier("{{ params }} starts"),
    )
    def notifies():
        return 1

    @task(execution_timeout=timedelta(seconds=1))
    def takes_long():
        import time

        time.sleep(30)

    succeeds() >> EmptyOperator(task_id="empty_with_callback")
    fails() >> BashOperator(task_id="never_runs", bash_command="true")
    ShortCircuitOperator(task_id="stops", python_callable=lambda: False) >> BashOperator(
        task_id="is_skipped", bash_command="true"
    )
    skips()
    fails_for_good(), recovers(), exits(), its_callback_breaks(), its_failure_callback_breaks(), its_start_breaks()
    its_callback_leaves(), notifies(), takes_long()

with DAG(
    "callbacks_of_a_good_run",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    on_success_callback=[called("dag_success"), called("dag_success_too")],
    on_failure_callback=called("dag_failure"),
):

    @task
    def good():
        return "good"

    good() >> EmptyOperator(task_id="end")

with DAG(
    "callback_of_a_late_run",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    dagrun_timeout=timedelta(seconds=20),
    on_failure_callback=called("dag_failure"),
    default_args={"on_failure_callback": called("on_failure")},
):
    BashOperator(task_id="too_long", bash_command="sleep 90")
    EmptyOperator(task_id="at_once")
