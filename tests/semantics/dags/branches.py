"""Branches, short circuits, conditions."""

from __future__ import annotations

import sys
from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import (
    BranchExternalPythonOperator,
    BranchPythonOperator,
    ExternalPythonOperator,
    ShortCircuitOperator,
)
from airflow.sdk import DAG, Label, TaskGroup, task

with DAG("branches", schedule=None, start_date=datetime(2026, 1, 1)):

    def leaf(name, **more):
        return EmptyOperator(task_id=name, **more)

    one = BranchPythonOperator(task_id="one", python_callable=lambda: "one_a")
    one >> Label("a") >> leaf("one_a") >> leaf("one_join", trigger_rule="none_failed_min_one_success")
    one >> Label("b") >> leaf("one_b") >> one.dag.get_task("one_join")

    several = BranchPythonOperator(task_id="several", python_callable=lambda: ["several_a", "several_b"])
    several >> [leaf("several_a"), leaf("several_b"), leaf("several_c")]

    none = BranchPythonOperator(task_id="none", python_callable=lambda: None)
    none >> leaf("none_a")

    wrong = BranchPythonOperator(task_id="wrong", python_callable=lambda: "there_is_no_such_task")
    wrong >> leaf("wrong_a")

    @task.branch
    def to_group(**context):
        print(context["ti"].task_id)
        return "group"

    with TaskGroup("group") as group:
        leaf("first") >> leaf("second")
    to_group() >> [group, leaf("not_group")]

    @task.short_circuit
    def stops():
        return []

    stops() >> leaf("stopped") >> leaf("stopped_too", trigger_rule="all_done")

    soft = ShortCircuitOperator(task_id="soft", python_callable=lambda: False, ignore_downstream_trigger_rules=False)
    soft >> leaf("soft_next") >> leaf("soft_last", trigger_rule="all_done")

    goes_on = ShortCircuitOperator(task_id="goes_on", python_callable=lambda: "yes")
    goes_on >> leaf("went_on")

    LatestOnlyOperator(task_id="latest") >> leaf("after_latest")

    @task.run_if(lambda context: context["params"].get("run", False), skip_message="params say no")
    @task
    def on_condition():
        print("never")

    @task.skip_if(lambda context: False)
    @task
    def not_skipped():
        print("runs")

    on_condition()
    not_skipped()

    def choose(word):
        print(f"chosen outside: {word}", flush=True)
        return f"outside_{word}"

    outside = BranchExternalPythonOperator(
        task_id="outside", python=sys.executable, python_callable=choose, op_args=["a"]
    )
    outside >> [leaf("outside_a"), leaf("outside_b")]

    def fails_outside():
        raise ValueError("wrong out there")

    def skips_outside():
        import sys

        sys.exit(77)

    ExternalPythonOperator(task_id="fails_outside", python=sys.executable, python_callable=fails_outside)
    ExternalPythonOperator(
        task_id="skips_outside", python=sys.executable, python_callable=skips_outside, skip_on_exit_code=77
    )
