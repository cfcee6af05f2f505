"""Deferral: tasks that leave their slot and come back, or do not."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
from airflow.sdk.exceptions import TaskDeferralError
from airflow.triggers.base import StartTriggerArgs
from semantics_triggers import Fires
from semantics_witness import called


class Defers(BaseOperator):
    template_fields = ("words",)

    def __init__(self, how="fires", times=1, words="", wait_seconds=None, **more):
        super().__init__(**more)
        self.how = how
        self.times = times
        self.words = words
        self.wait_seconds = wait_seconds
        self.memory = "as made"

    def execute(self, context):
        self.memory = "changed by execute"
        print(f"first half, try {context['ti'].try_number}: {self.words}")
        context["ti"].xcom_push("before", "pushed before the deferral")
        self.go(1)

    def go(self, number):
        wait = timedelta(seconds=self.wait_seconds) if self.wait_seconds else None
        self.defer(
            trigger=Fires(self.how), method_name="resume", kwargs={"number": number, "more": {"a": [1]}}, timeout=wait
        )

    def resume(self, context, event=None, number=0, more=None):
        print(f"resumed {number}: {event} {more} {self.words} {self.memory}")
        print(context["ti"].xcom_pull(key="before", task_ids=self.task_id))
        if number < self.times:
            self.go(number + 1)
        if self.how == "late":
            raise RuntimeError("the second half breaks")
        return event


class Catches(Defers):
    def resume(self, context, event=None, **more):
        return super().resume(context, event, **more)

    def resume_execution(self, next_method, next_kwargs, context):
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralError as error:
            print(f"caught {type(error).__name__}: {error}")
            return "caught"


class StartsDeferred(BaseOperator):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="semantics_triggers.Fires",
        trigger_kwargs={"how": "started"},
        next_method="resume",
        next_kwargs=None,
        timeout=None,
    )
    start_from_trigger = True

    def execute(self, context):
        self.defer(trigger=Fires("not started"), method_name="resume")

    def resume(self, context, event=None):
        print("resumed", event)
        return event


class Watches(BaseSensorOperator):
    def execute(self, context):
        self.defer(trigger=Fires("waits"), method_name="resume", timeout=timedelta(seconds=1))

    def resume(self, context, event=None):
        return event


with DAG(
    "deferrals",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    default_args={
        "retry_delay": timedelta(seconds=1),
        **{f"{kind}_callback": called(kind) for kind in ("on_execute", "on_success", "on_failure", "on_retry")},
    },
) as dag:
    Defers(task_id="once", words="{{ ds }} {{ ti.try_number }}")
    Defers(task_id="three_times", times=3)
    Defers(task_id="with_retries", how="late", retries=1)
    Defers(task_id="trigger_raises", how="raises")
    Defers(task_id="trigger_ends", how="ends")
    Defers(task_id="too_late", how="waits", wait_seconds=1)
    Defers(task_id="too_late_retried", how="waits", wait_seconds=1, retries=1)
    Catches(task_id="catches", how="raises")
    StartsDeferred(task_id="starts_deferred")
    Watches(task_id="sensor_too_late", soft_fail=True)
    Watches(task_id="sensor_fails")
    Defers.partial(task_id="mapped").expand(words=["one", "two {{ ti.map_index }}"])
