"""The operator behind ``uses: module:function``: a Python function that is imported when the task runs.

The file that names the function is read in many places (dag-processor, every task process,
the CLI); the function and what it imports are needed in one. So a missing library fails the
task that needs it and leaves the Dag, and its other tasks, alone.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperator

from airfleet.errors import did_you_mean


@dataclass(frozen=True)
class LateFunction:
    """``module:function``, not imported yet. Calling it imports and calls the function."""

    module: str
    function: str

    @property
    def written(self) -> str:
        """The reference as a person writes it."""
        return f"{self.module}:{self.function}"

    @property
    def __name__(self) -> str:
        """Airflow keeps the name in the Dag's serialized form, to see when another function is meant."""
        return self.written

    @property
    def __signature__(self) -> inspect.Signature:
        """Airflow asks for it right before the call, to give the function what it takes of the context."""
        return inspect.signature(self.load())

    def load(self) -> Callable[..., Any]:
        """Import the function. Raises ImportError that names what is missing."""
        try:
            found: object = importlib.import_module(self.module)
        except ImportError as error:
            raise ImportError(f"{self.written} cannot be imported: {error}") from error
        for name in self.function.split("."):
            if not hasattr(found, name):
                hint = did_you_mean(name, dir(found))
                raise ImportError(f"{self.module} has no function '{self.function}'" + (f"; {hint}" if hint else ""))
            found = getattr(found, name)
        if not callable(found):
            raise ImportError(f"{self.written} is not a function, but {type(found).__name__}")
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.load()(*args, **kwargs)


class FunctionOperator(BaseOperator):
    """The part of an operator of Airflow that gives it a function as ``python_callable``, imported late."""

    python_callable: Callable[..., Any]

    def __init__(
        self,
        *,
        function: str,
        op_kwargs: Mapping[str, Any] | None = None,
        python_callable: LateFunction | None = None,  # of one repetition of a mapped task
        **kwargs: Any,
    ) -> None:
        module, _, name = function.partition(":")
        super().__init__(python_callable=python_callable or LateFunction(module, name), op_kwargs=op_kwargs, **kwargs)
        self.function = function
        self.given = tuple(op_kwargs or ())

    def import_function(self) -> None:
        """Import the module of the function. Raises what importing raises."""
        if isinstance(self.python_callable, LateFunction):
            self.python_callable.load()


class FunctionTask(FunctionOperator, PythonOperator):
    """Runs a function with the keyword arguments written under ``with``.

    Parameters of the function that are named as Airflow's context values (``ti``, ``ds``,
    ``params``, ...) get them, as in PythonOperator. Unlike there, an argument that the function
    does not take fails the task instead of being dropped.
    """

    custom_operator_name = "@task"

    def execute(self, context: Any) -> Any:
        """Import the function, then do as PythonOperator does."""
        if isinstance(self.python_callable, LateFunction):
            self.python_callable = self.python_callable.load()
        refuse_unknown(self.function, self.python_callable, self.given)
        return super().execute(context)


def refuse_unknown(written: str, function: Callable[..., Any], given: tuple[str, ...]) -> None:
    """Raise TypeError when ``function`` has no parameter for one of the ``given`` names."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # builtins may have none that can be read
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in given:
        if name not in parameters:
            hint = did_you_mean(name, parameters)
            raise TypeError(f"{written} takes no argument '{name}'" + (f"; {hint}" if hint else ""))
