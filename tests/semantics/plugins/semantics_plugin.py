"""A plugin that both sides load: a macro, and a listener that tells what it hears."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.example_dags.plugins.decreasing_priority_weight_strategy import DecreasingPriorityStrategy
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

_HEARD_OF = ("hooks", "callbacks_of_a_good_run", "exits_with_retries")


def plugged(word: str) -> str:
    return f"plugged {word}"


def _tell(what: str, task_instance: object, *more: object) -> None:
    dag_id = getattr(task_instance, "dag_id", "")
    if dag_id in _HEARD_OF:
        line = " ".join(map(str, ("listener", what, task_instance.task_id, *more))) + "\n"  # type: ignore[attr-defined]
        with Path(os.environ["SEMANTICS_WITNESS"], f"{dag_id}.txt").open("a") as file:
            file.write(line)


class Listener:
    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance):
        _tell("running", task_instance, previous_state, task_instance.try_number)
        print("printed by a listener")

    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        _tell("success", task_instance, previous_state)

    @hookimpl
    def on_task_instance_failed(self, previous_state, task_instance, error):
        _tell("failed", task_instance, previous_state, type(error).__name__, error)

    @hookimpl
    def on_task_instance_skipped(self, previous_state, task_instance):
        _tell("skipped", task_instance, previous_state)


class SemanticsPlugin(AirflowPlugin):
    name = "semantics_plugin"
    macros = (plugged,)
    priority_weight_strategies = (DecreasingPriorityStrategy,)
    listeners = (Listener(),)
