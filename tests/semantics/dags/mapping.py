"""Mapped tasks and groups."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

with DAG("mapping", schedule=None, start_date=datetime(2026, 1, 1), default_args={"retry_delay": timedelta(seconds=1)}):

    @task
    def numbers():
        return [1, 2, 3]

    @task
    def pairs():
        return {"a": 1, "b": [2]}

    @task
    def nobody():
        return []

    @task
    def not_a_list():
        return 7

    @task(map_index_template="{{ word }} of {{ ti.map_index }}")
    def named(value):
        context = get_current_context()
        context["word"] = f"number {value}"
        print(context["ti"].map_index, value)
        return value * 2

    @task
    def adds(x, y):
        return x + y

    @task(retries=1)
    def sometimes(value, ti=None):
        if value == 2:
            raise ValueError("two")
        if value == 3 and ti.try_number == 1:
            raise RuntimeError("three, at first")
        return value

    @task
    def skips_some(value):
        if value % 2 == 0:
            raise AirflowSkipException(f"{value} is even")
        return value

    @task(trigger_rule="all_done")
    def collects(values):
        values = list(values)
        print(values)
        return values

    @task
    def keyed(item):
        return list(item)

    found = numbers()
    doubled = named.expand(value=found)
    collects(doubled)
    adds.partial(y=10).expand(x=found)
    adds.override(task_id="crossed").expand(x=[1, 2], y=[10, 20])
    adds.override(task_id="by_kwargs").expand_kwargs([{"x": 1, "y": 2}, {"x": 3, "y": 4}])
    collects.override(task_id="collects_some")(skips_some.expand(value=found))
    collects.override(task_id="collects_tried")(sometimes.expand(value=found))
    keyed.expand(item=pairs())
    named.override(task_id="none_of_it").expand(value=nobody())
    named.override(task_id="cannot_map").expand(value=not_a_list())

    def halve(value):
        if value == 2:
            raise AirflowSkipException("no halves of two")
        return value / 2

    collects.override(task_id="halved")(adds.override(task_id="adds_halves").partial(y=0).expand(x=found.map(halve)))
    collects.override(task_id="zipped")(keyed.override(task_id="zips").expand(item=found.zip(doubled)))
    collects.override(task_id="joined")(named.override(task_id="joins").expand(value=found.concat(doubled)))
    BashOperator.partial(task_id="says", map_index_template="{{ task.bash_command }}").expand(
        bash_command=["echo one", "echo '{{ ti.map_index }}'", "exit 99"]
    )
    BashOperator.partial(task_id="by_dict", bash_command='echo "$WORD"').expand_kwargs(
        [{"env": {"WORD": "x"}}, {"env": {"WORD": "y"}, "do_xcom_push": False}]
    )

    @task_group
    def section(value):
        @task
        def inner(number):
            if number == 3:
                raise AirflowSkipException("not three")
            return number + 100

        @task(trigger_rule="none_failed")
        def outer(number):
            print(number)
            return number

        return outer(inner(value))

    collects.override(task_id="sections")(section.expand(value=found))
