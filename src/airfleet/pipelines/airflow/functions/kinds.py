"""The operator of a function task: by what stands beside ``uses``, and what it is given. [A]"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from airflow.sdk import BaseOperator

from airfleet.pipelines.airflow.airflow_values import unfrozen
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.airflow.function_task import FunctionTask, LateFunction
from airfleet.pipelines.airflow.functions.isolated import (
    BranchInOtherPython,
    BranchInVirtualenv,
    InOtherPython,
    InVirtualenv,
    SensorInOtherPython,
    SensorInVirtualenv,
    ShortCircuitInOtherPython,
    ShortCircuitInVirtualenv,
    requirements,
)
from airfleet.pipelines.airflow.functions.roles import FunctionBranch, FunctionSensor, FunctionShortCircuit
from airfleet.pipelines.airflow.functions.runner import any_arguments, run_function
from airfleet.pipelines.files.project_files import project_root
from airfleet.pipelines.language.environments import as_text
from airfleet.pipelines.language.spec import CallableRef, Isolation, IsolationKind, RoleKind, Task
from airfleet.problem_codes import Code

_OF_ROLE: Final[dict[RoleKind, type[BaseOperator]]] = {
    "sensor": FunctionSensor,
    "branch": FunctionBranch,
    "short_circuit": FunctionShortCircuit,
}
_OF_BOTH: Final[dict[tuple[RoleKind, IsolationKind], type[BaseOperator]]] = {
    ("sensor", "venv"): SensorInVirtualenv,
    ("sensor", "python"): SensorInOtherPython,
    ("branch", "venv"): BranchInVirtualenv,
    ("branch", "python"): BranchInOtherPython,
    ("short_circuit", "venv"): ShortCircuitInVirtualenv,
    ("short_circuit", "python"): ShortCircuitInOtherPython,
}


def operator_of(task: Task, context: BuildContext) -> tuple[type[BaseOperator], Mapping[str, Any]] | None:
    """Give the operator of a function task and its own arguments; None when there is none (noted in the context)."""
    of_role = dict(task.role.options) if task.role is not None else {}
    if task.isolation is None:
        return (_OF_ROLE[task.role.kind] if task.role is not None else FunctionTask), of_role
    isolated = _isolated(task.isolation, task, context)
    if isolated is None or task.role is None:
        return isolated
    return _OF_BOTH[task.role.kind, task.isolation.kind], {**isolated[1], **of_role}


def called(uses: CallableRef, isolation: Isolation | None) -> Callable[..., Any]:
    """Give what the operator of a function calls: the function, or what sends it elsewhere."""
    if isolation is None:
        return LateFunction(uses.module, uses.function)
    return run_function if isolation.kind in ("venv", "python") else any_arguments


def _isolated(
    isolation: Isolation, task: Task, context: BuildContext
) -> tuple[type[BaseOperator], Mapping[str, Any]] | None:
    file = Path(context.pipeline.file)
    root = project_root(file)
    given = {name: unfrozen(value) for name, value in isolation.options.items()}
    if isinstance(variables := given.get("env_vars"), Mapping):
        given["env_vars"] = {str(name): as_text(value) for name, value in variables.items()}
    folders = list(dict.fromkeys([str(root), str(file.parent.absolute())]))
    if isolation.kind == "python":
        return InOtherPython, {"folders": folders, **given}
    if isolation.kind == "venv":
        try:
            given["requirements"] = requirements(given.get("requirements"), file, root)
        except (OSError, UnicodeDecodeError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            sentence = f"'{given.get('requirements')}' cannot be read: {reason}"
            context.wrong(f"{task.path}.isolation.venv", sentence, code=Code.TASK_FILE)
            return None
        return InVirtualenv, {"folders": folders, **given}
    from airfleet.pipelines.airflow.functions import containers  # late: its provider is seldom installed

    return containers.operator_of(isolation, task, context, root)
