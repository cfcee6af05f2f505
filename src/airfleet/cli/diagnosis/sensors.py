"""Sensors of a local run: what they wait for, and what would end them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from airfleet.cli.output import terminal

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline, Task

#: Airflow's own limit of a sensor that names none
USUAL_TIMEOUT = "7 days"


def waits_for(pipeline: Pipeline, task_id: str) -> str | None:
    """Say what the sensor of this id waits for, and until when; None when the task is no sensor."""
    task = next((task for task in pipeline.tasks if task.id == task_id), None)
    name = str(getattr(task.uses, "path", "")).rpartition(".")[2] if task else ""
    if task is None or not name.endswith(("Sensor", "SensorAsync")):
        return None
    what = _another_dag(task) if name.startswith("ExternalTask") else f"what its {name} asks for"
    return f"waits for {what}; it gives up after {_limit(task)} ('timeout' under its 'with'), Ctrl-C ends the run"


def _another_dag(task: Task) -> str:
    dag, inner = task.args.get("external_dag_id"), task.args.get("external_task_id")
    named = f"Dag '{dag}'" if isinstance(dag, str) else "another Dag"
    inside = f"task '{inner}' of " if isinstance(inner, str) else ""
    return f"{inside}{named}, and no other Dag runs here, only on a fleet"


def _limit(task: Task) -> str:
    limit = task.args.get("timeout", task.options.get("timeout"))
    if isinstance(limit, dt.timedelta):
        return terminal.seconds(limit.total_seconds())
    if isinstance(limit, (int, float)):
        return terminal.seconds(float(limit))
    return USUAL_TIMEOUT if limit is None else str(limit)
