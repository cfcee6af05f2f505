"""Function tasks in another Python of this host: a virtual environment of their own, or one that is there. [A]

Airflow's operators send the source of one function, which then finds nothing of its module. Here they send
:func:`~airfleet.pipelines.airflow.functions.runner.run_function`, which imports ``module:function`` in the other
Python from the project's folder. So helpers beside the function work, and the worker never imports the function, whose
libraries may be installed there alone.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from airflow.providers.standard.operators.python import (
    ExternalPythonOperator,
    PythonVirtualenvOperator,
    ShortCircuitOperator,
)
from airflow.sdk import BaseOperator, BaseSensorOperator
from airflow.sdk.bases.branch import BaseBranchOperator

from airfleet.pipelines.airflow.functions.runner import run_function
from airfleet.pipelines.analysis import catalog
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.language.function_options import is_file

#: The values of the context that are no plain data; a function of ``**context`` does without them.
_OBJECTS: Final = frozenset({"macros", "conf", "dag", "dag_run", "task", "inlets", "outlets"})


class SendingOperator(BaseOperator):
    """The part of an operator of Airflow that sends a function: the one that imports the task's own."""

    op_kwargs: Mapping[str, Any]

    def __init__(self, *, function: str, folders: Iterable[str], op_kwargs: Any = None, **kwargs: Any) -> None:
        kwargs.setdefault("python_callable", run_function)  # that one is given to a repetition of a mapped task
        super().__init__(op_kwargs=op_kwargs, **kwargs)
        self.function = function
        self.folders = tuple(folders)

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the arguments of ``run_function``; of the context, only what the function names is sent."""
        return {
            "written": self.function,
            "folders": list(self.folders),
            "files": {},
            "arguments": dict(self.op_kwargs),
            "context": of_context(self.function, self.folders, context, self.op_kwargs),
        }

    def get_python_source(self) -> str:
        """Give the source of the function that imports the task's own."""
        return source_of_runner()


class InVirtualenv(SendingOperator, PythonVirtualenvOperator):
    """Runs a function of the project in a virtual environment that is made for it."""

    custom_operator_name = "@task.virtualenv"

    def execute(self, context: Any) -> Any:
        """Make the environment and run the function in it."""
        os.environ["PATH"] = with_python(os.environ.get("PATH", ""))  # Airflow makes it by what is called python there
        return super().execute(context)


class InOtherPython(SendingOperator, ExternalPythonOperator):
    """Runs a function of the project by a Python that is there."""

    custom_operator_name = "@task.external_python"


class BranchInVirtualenv(BaseBranchOperator, InVirtualenv):
    """Goes on with the tasks that a function in a virtual environment names."""

    custom_operator_name = "@task.branch_virtualenv"

    def choose_branch(self, context: Any) -> Any:
        """Ask the function."""
        return InVirtualenv.execute(self, context)


class BranchInOtherPython(BaseBranchOperator, InOtherPython):
    """Goes on with the tasks that a function in another Python names."""

    custom_operator_name = "@task.branch_external_python"

    def choose_branch(self, context: Any) -> Any:
        """Ask the function."""
        return InOtherPython.execute(self, context)


class ShortCircuitInVirtualenv(ShortCircuitOperator, InVirtualenv):
    """Skips what comes after it when a function in a virtual environment answers no."""


class ShortCircuitInOtherPython(ShortCircuitOperator, InOtherPython):
    """Skips what comes after it when a function in another Python answers no."""


class SensorInVirtualenv(BaseSensorOperator, InVirtualenv):
    """Waits until a function in a virtual environment answers yes."""

    def poke(self, context: Any) -> bool:
        """Ask the function once."""
        return _asked(self, InVirtualenv.execute, context)


class SensorInOtherPython(BaseSensorOperator, InOtherPython):
    """Waits until a function in another Python answers yes."""

    def poke(self, context: Any) -> bool:
        """Ask the function once."""
        return _asked(self, InOtherPython.execute, context)


def _asked(sensor: Any, execute: Callable[[Any, Any], Any], context: Any) -> bool:
    """Run the function of a sensor; its arguments stay, which Airflow replaces by those that it sends."""
    given = sensor.op_kwargs
    try:
        return bool(execute(sensor, context))
    finally:
        sensor.op_kwargs = given


def of_context(
    function: str, folders: tuple[str, ...], context: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the values of the context that ``function`` names, read from its source; all plain ones if it takes any."""
    module, _, name = function.partition(":")
    found = catalog.function(module, name, folders)
    known = found.parameters.keys() if isinstance(found, Signature) and not found.open else None
    names = set(known) if known is not None else context.keys() - _OBJECTS
    return {name: context[name] for name in names if name in context and name not in given}


def with_python(path: str) -> str:
    """Give a search path on which there is a ``python``: the worker's own, where there was none."""
    return path if shutil.which("python", path=path) else f"{path}{os.pathsep}{Path(sys.executable).parent}"


def source_of_runner() -> str:
    """Give the source of the function that is sent."""
    return textwrap.dedent(inspect.getsource(run_function))


def requirements(written: object, pipeline: Path, root: Path) -> list[str]:
    """List requirements; the name of a file is looked for beside the pipeline, then in the project. Raises OSError."""
    if not isinstance(written, str):
        return [str(item) for item in written] if isinstance(written, (tuple, list)) else []
    if not is_file(written):
        return [written]
    beside = pipeline.parent / written
    return (beside if beside.is_file() else root / written).read_text(encoding="utf-8").splitlines()
