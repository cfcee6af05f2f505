"""Every trigger rule after every mixture of outcomes; setup and teardown."""

from __future__ import annotations

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule, setup, task, task_group

with DAG("trigger_rules", schedule=None, start_date=datetime(2026, 1, 1), max_active_tasks=64):
    done = EmptyOperator(task_id="done")
    failed = BashOperator(task_id="failed", bash_command="exit 1")
    skipped = BashOperator(task_id="skipped", bash_command="exit 99")
    upstream = EmptyOperator(task_id="upstream_failed")
    failed >> upstream
    MIXTURES = {
        "d": [done], "f": [failed], "s": [skipped], "u": [upstream], "df": [done, failed], "ds": [done, skipped],
        "fs": [failed, skipped], "dfsu": [done, failed, skipped, upstream],
    }  # fmt: skip
    for rule in sorted(rule.value for rule in TriggerRule):
        if rule == "always":
            EmptyOperator(task_id="always", trigger_rule=rule)
            continue
        for name, before in MIXTURES.items():
            try:
                joined = EmptyOperator(task_id=f"{rule}-{name}", trigger_rule=rule)
            except Exception as refused:
                EmptyOperator(task_id=f"{rule}-{name}-{type(refused).__name__}")
            else:
                before >> joined

with DAG("setups", schedule=None, start_date=datetime(2026, 1, 1)):

    @setup
    def opens(name):
        print(f"open {name}")
        return f"handle of {name}"

    @setup
    def cannot_open():
        raise RuntimeError("cannot open")

    @task
    def closes(handle):
        print(f"close {handle}")

    @task
    def closes_badly(handle):
        raise RuntimeError(f"cannot close {handle}")

    @task
    def works(word):
        print(word)

    @task
    def breaks():
        raise ValueError("work broke")

    @task_group
    def fine():
        handle = opens("fine")
        works("works") >> closes(handle).as_teardown(setups=handle)
        handle >> works.override(task_id="also")("works, too")

    @task_group
    def broken_work():
        handle = opens("broken work")
        handle >> breaks() >> works("never") >> closes(handle).as_teardown(setups=handle)

    @task_group
    def broken_setup():
        made = cannot_open()
        made >> works("never") >> closes.override(task_id="closes_nothing")("nothing").as_teardown(setups=made)

    @task_group
    def broken_teardown():
        handle = opens("a bad one")
        with closes_badly(handle).as_teardown(setups=handle, on_failure_fail_dagrun=True):
            works("inside")

    fine() >> works.override(task_id="after_fine")("after")
    broken_work() >> works.override(task_id="after_broken_work")("after")
    broken_setup() >> works.override(task_id="after_broken_setup")("after")
    broken_teardown() >> works.override(task_id="after_broken_teardown")("after")
    with TaskGroup("classic"):
        first = BashOperator(task_id="first", bash_command="echo first").as_setup()
        last = BashOperator(task_id="last", bash_command="echo last").as_teardown(setups=first)
        first >> BashOperator(task_id="middle", bash_command="exit 99") >> last
