"""Tasks that are repeated for each item of a list or of an output."""

from __future__ import annotations

import datetime as dt

import steps
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG("pair", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), schedule=None) as dag:
    files = task(steps.files)()
    BashOperator.partial(task_id="cat", cwd="/tmp", max_active_tis_per_dag=2).expand(
        bash_command=task(steps.commands)()
    )
    load = task(retries=2, map_index_template="{{ task.op_kwargs['file'] }}")(steps.load)
    loaded = load.partial(table="orders").expand(file=files, day=[1, 2, 3])
    task(task_id="pairs")(steps.load).expand_kwargs([{"file": "a", "day": 1}, {"file": "b", "day": 2}])
    sets = [{"bash_command": "true"}, {"bash_command": "pwd", "cwd": "/"}]
    BashOperator.partial(task_id="sets").expand_kwargs(sets)
    task(task_id="given")(steps.load).partial(day=1).expand_kwargs(task(steps.parts)())
    task(steps.total)(parts=loaded)
