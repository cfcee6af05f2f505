"""Functions as sensors, branches and short circuits."""

from __future__ import annotations

import steps
from airflow.sdk import DAG, task

with DAG("functions", schedule=None) as dag:
    arrived = task.sensor(task_id="arrived", poke_interval=30, timeout=7200, mode="reschedule")(steps.arrived)("orders")
    ready = task.sensor(task_id="ready")(steps.ready)()
    choose = task.branch(task_id="choose")(steps.choose)()
    full, part = task(task_id="full")(steps.load)(), task(task_id="part")(steps.load)()
    is_monday = task.short_circuit(task_id="is_monday", ignore_downstream_trigger_rules=False)(steps.is_monday)()
    arrived >> ready >> choose >> [full, part]
    full >> is_monday
    part >> task.sensor(task_id="check", mode="reschedule")(steps.is_monday).expand(day=[1, 2])
