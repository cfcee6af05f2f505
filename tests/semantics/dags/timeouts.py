"""What takes too long."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, task
from semantics_witness import called, tell


class Cleans(BaseOperator):
    def execute(self, context):
        print("begins", flush=True)
        try:
            time.sleep(60)
        finally:
            tell("timeouts", "finally", self.task_id)
            print("finally")

    def on_kill(self):
        tell("timeouts", "on_kill", self.task_id)
        print("on_kill")


with DAG(
    "timeouts",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    default_args={
        "execution_timeout": timedelta(seconds=1.5),
        "retry_delay": timedelta(seconds=1),
        **{f"{kind}_callback": called(kind) for kind in ("on_success", "on_failure", "on_retry")},
    },
):

    @task
    def sleeps():
        print("sleeps", flush=True)
        time.sleep(60)

    @task(retries=1)
    def sleeps_twice():
        time.sleep(60)

    @task
    def catches():
        try:
            time.sleep(60)
        except BaseException as error:
            print(f"caught {type(error).__mro__[:-1]} {error}")
            return "caught"

    @task
    def counts():
        number = 0
        while True:
            number += 1

    @task
    def in_time():
        return "in time"

    sleeps(), sleeps_twice(), catches(), counts(), in_time()
    Cleans(task_id="cleans")
    BashOperator(task_id="shell", bash_command="echo begins; sleep 61 & wait")
