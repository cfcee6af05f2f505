"""Function tasks whose answer decides something: sensors, branches, and short circuits. [A]"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.providers.standard.sensors.python import PythonSensor

from airfleet.pipelines.airflow.function_task import FunctionOperator, FunctionTask, LateFunction, refuse_unknown


class FunctionBranch(FunctionTask, BranchPythonOperator):
    """Goes on with the tasks that the function names; the other tasks right after it are skipped."""

    custom_operator_name = "@task.branch"


class FunctionShortCircuit(FunctionTask, ShortCircuitOperator):
    """Skips what comes after it when the function answers no."""

    custom_operator_name = "@task.short_circuit"


class FunctionSensor(FunctionOperator, PythonSensor):
    """Waits until the function answers yes."""

    custom_operator_name = "@task.sensor"

    def execute(self, context: Any) -> Any:
        """Import the function, then ask it until it answers yes."""
        if isinstance(self.python_callable, LateFunction):
            function = self.python_callable.load()
            refuse_unknown(self.function, function, self.given)
            self.python_callable = Waited(function) if inspect.iscoroutinefunction(function) else function
        return super().execute(context)


class Waited:
    """An asynchronous function as one that is called and answers: Airflow's sensor would take its coroutine for yes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return asyncio.run(self.function(*args, **kwargs))
