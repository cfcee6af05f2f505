"""What surrounds an operator's execute: hooks before and after, listeners, policies, plugins, async callables."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import ExternalPythonOperator, PythonOperator
from airflow.sdk import DAG, BaseOperator, task


class Hooks(BaseOperator):
    template_fields = ("word",)

    def __init__(self, word="{{ ds }}", breaks="", **more):
        super().__init__(**more)
        self.word = word
        self.breaks = breaks

    def pre_execute(self, context):
        print("pre", self.word)
        if self.breaks == "pre":
            raise ValueError("before")

    def execute(self, context):
        print("execute", self.word)
        return self.word

    def post_execute(self, context, result=None):
        print("post", result)
        if self.breaks == "post":
            raise ValueError("after")


def before(context):
    print("pre_execute given", context["ti"].task_id)


def after(context, result):
    print("post_execute given", result)


with DAG("hooks", schedule=None, start_date=datetime(2026, 1, 1)):
    Hooks(task_id="plain")
    Hooks(task_id="breaks_before", breaks="pre")
    Hooks(task_id="breaks_after", breaks="post")
    Hooks(task_id="given", pre_execute=before, post_execute=after)

    @task
    async def waits():
        await asyncio.sleep(0.1)
        print("in a loop")
        return "awaited"

    @task
    async def breaks_async():
        await asyncio.sleep(0)
        raise ValueError("in a loop")

    waits() >> breaks_async()

    def outside(number, word):
        print("outside", number, word)
        return {"number": number + 1}

    ExternalPythonOperator(
        task_id="external", python=sys.executable, python_callable=outside, op_args=[1], op_kwargs={"word": "{{ ds }}"}
    )
    PythonOperator(
        task_id="templated_arguments",
        python_callable=lambda *args, **kwargs: [list(args), kwargs["a"], kwargs["templates_dict"]],
        op_args=["{{ ds }}", ["{{ run_id }}"]],
        op_kwargs={"a": "{{ ti.task_id }}"},
        templates_dict={"t": "{{ ds_nodash }}"},
    )
    BashOperator(task_id="macro_of_a_plugin", bash_command="echo {{ macros.semantics_plugin.plugged('x') }}")
