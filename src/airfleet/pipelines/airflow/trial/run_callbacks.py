"""The callbacks of a Dag, called at the end of a run as Airflow's Dag processor calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from airflow.sdk import DAG, DagRunState
from airflow.sdk.api.datamodels._generated import TaskInstanceState

from airfleet.pipelines.airflow.trial import attempts
from airfleet.pipelines.airflow.trial.attempts import Round
from airfleet.pipelines.cases.spec import TaskOutcome


def call(dag: DAG, state: str, done: Mapping[str, TaskOutcome], of: Round) -> None:
    """Call the callbacks of a run that ended in ``state``, with the context of the last task in that state.

    A callback that raises is logged, and changes nothing, as in Airflow.
    """
    failed = state == "failed"
    callbacks = dag.on_failure_callback if failed else dag.on_success_callback
    if not callbacks:
        return
    context = _context(dag, state, done, of)
    context["reason"] = "task_failure" if failed else "success"
    for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
        of.deadline.arm()
        try:
            callback(context)
        except Exception:  # a callback may raise anything
            structlog.get_logger(logger_name="task").exception("Callback failed", dag_id=dag.dag_id)


def _context(dag: DAG, state: str, done: Mapping[str, TaskOutcome], of: Round) -> Any:
    last = next((name for name in reversed(tuple(done)) if done[name].state == state), None)
    if last is None:
        return {"dag": dag, "run_id": of.dag_run.run_id}
    ended = of.dag_run.model_copy(update={"state": DagRunState(state)})
    ti = attempts.instance(dag.get_task(last), -1, 1, replace(of, dag_run=ended))
    ti.state = TaskInstanceState(state)
    return ti.get_template_context()
