"""Dags as Airflow stores them, to compare a pipeline with the Dag in Python that it equals.

The two differ on purpose in few things (:data:`OF_THE_AUTHOR`, and the operator of a function): a pipeline renders only
texts that are marked, and imports a function when its task runs.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

#: differs between a file and a module, or between marked and unmarked texts
OF_THE_AUTHOR = frozenset(
    [
        *("_dag_hash", "doc_md", "fileloc", "relative_fileloc", "_processor_dags_folder", "op_args", "ui_color"),
        *("template_fields", "template_ext", "template_fields_renderers", "template_searchpath"),
        *("python_callable_name", "_operator_name", "_task_module", "task_module", "function"),
        *("_pre_execute_hook", "_post_execute_hook"),  # the source of their functions
    ]
)
#: said in the stored Dag whether or not somebody said it
OF_EVERY_FUNCTION = (("retry_delay", {"__type": "timedelta", "__var": 300.0}),)
#: in a field that Airflow renders
_RENDERED = ("{{", "{%", "MappedArgument")
#: a function is a task by ours, or by Airflow's decorator
_FUNCTION_TASKS = {
    **dict.fromkeys(("FunctionTask", "_PythonDecoratedOperator"), "a function"),
    **dict.fromkeys(("FunctionSensor", "DecoratedSensorOperator"), "a sensor"),
    **dict.fromkeys(("FunctionBranch", "_BranchPythonDecoratedOperator"), "a branch"),
    **dict.fromkeys(("FunctionShortCircuit", "_ShortCircuitDecoratedOperator"), "a short circuit"),
    **dict.fromkeys(("InVirtualenv", "_PythonVirtualenvDecoratedOperator"), "in a virtual environment"),
    **dict.fromkeys(("InOtherPython", "_PythonExternalDecoratedOperator"), "in another Python"),
    **dict.fromkeys(("BranchInVirtualenv", "_BranchPythonVirtualenvDecoratedOperator"), "a branch in one"),
    **dict.fromkeys(("DockerFunctionOperator", "_DockerDecoratedOperator"), "in a container"),
    **dict.fromkeys(("KubernetesFunctionOperator", "_KubernetesDecoratedOperator"), "in a pod"),
}
#: a text that no Jinja may touch, in a field with others that are rendered
_GUARDED = re.compile(r"LiteralValue\(value='(.*)'\)", re.DOTALL)


def dags_in(file: Path) -> list[DAG]:
    """Give the Dags of a Python file, in its order."""
    return [found for found in runpy.run_path(str(file)).values() if isinstance(found, DAG)]


def stored(dag: DAG) -> Any:
    """Give what Airflow stores of a Dag, without the parts that the language of its author decides."""
    for task in dag.tasks:
        if "template_fields" in vars(task):  # ours leave out literals; Airflow stores the value all the same
            task.template_fields = type(task).template_fields
    return _compared(DagSerialization.to_dict(dag))


def _compared(value: Any) -> Any:
    if isinstance(value, dict):
        literal = _literal_fields(value)
        return {
            key: _FUNCTION_TASKS.get(item, item) if key == "task_type" else _compared(item)
            for key, item in sorted(value.items())
            if key not in OF_THE_AUTHOR and key not in literal and (key, item) not in OF_EVERY_FUNCTION
        }
    if isinstance(value, list):
        items = [_compared(item) for item in value]
        return sorted(items, key=repr) if all(isinstance(item, (str, dict)) for item in items) else items
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    guarded = _GUARDED.fullmatch(value)
    return guarded[1] if guarded else value.replace("_PythonDecoratedOperator", "FunctionTask")


def _literal_fields(operator: dict[str, Any]) -> set[str]:
    """List the rendered fields of an operator in which nothing is to be rendered: a pipeline does not store them."""
    fields = operator.get("template_fields", ())
    return {name for name in fields if name in operator and not any(sign in repr(operator[name]) for sign in _RENDERED)}
