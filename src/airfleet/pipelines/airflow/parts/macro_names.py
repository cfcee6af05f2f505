"""Macros in macros: ``{{ dates.shift(ds) }}`` calls a function that stands in a mapping of macros."""

from __future__ import annotations

from typing import Any

from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.language.values import FUNCTION


class MacroNames:
    """Names of macros: ``module:function`` is a function that is imported when it is called, all else a value."""

    def __init__(self, **names: Any) -> None:
        for name, value in names.items():
            setattr(self, name, _function(value) if isinstance(value, str) and FUNCTION.fullmatch(value) else value)


def _function(written: str) -> LateFunction:
    module, _, function = written.partition(":")
    return LateFunction(module, function)
