"""Operator classes and timetables by their import paths, and what they can be told."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import BaseOperator

from airfleet.errors import did_you_mean
from airfleet.pipelines.airflow.build_context import RAISED, message
from airfleet.provider_names import of_module, package

#: set by us for every task; nobody else may
_OURS = frozenset({"self", "task_id", "dag", "task_group", "default_args"})


class NotImported(Exception):
    """There is no such thing to import, or importing it failed; the arguments are a sentence and a hint."""

    def __init__(self, sentence: str, hint: str | None) -> None:
        super().__init__(sentence, hint)
        self.sentence = sentence
        self.hint = hint


def imported(path: str) -> object:
    """Import what a path names. Raises NotImported when there is no such thing."""
    module_name, _, name = path.rpartition(".")
    if not module_name:
        raise NotImported(f"'{path}' is not an import path", None)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise NotImported(f"there is no module '{missing}'", _package_hint(path)) from None
        raise NotImported(f"'{path}' needs the module '{missing}', which is not installed", None) from None
    except RAISED as error:
        raise NotImported(_why_not(module_name, error), None) from None
    try:
        found: object = getattr(module, name)
    except AttributeError:
        raise NotImported(f"'{module_name}' has no '{name}'", did_you_mean(name, dir(module))) from None
    except RAISED as error:  # of a module's own __getattr__
        raise NotImported(_why_not(module_name, error), None) from None
    return found


def _why_not(module: str, error: BaseException) -> str:
    """Write the sentence about a module that raises as it is imported, or asked for a name."""
    kind = "" if isinstance(error, SystemExit) else f"{type(error).__name__}: "
    return f"'{module}' cannot be imported: {kind}{message(error)}"


def _package_hint(path: str) -> str | None:
    provider = of_module(path.rpartition(".")[0])
    return f"add {package(provider)} to the requirements" if provider else None


@dataclass(frozen=True)
class Arguments:
    """Arguments of an operator class under ``with``: names and annotations, and which of them are what."""

    annotations: Mapping[str, str]
    required: tuple[str, ...]
    rendered: frozenset[str]


@functools.cache
def arguments(cls: type[BaseOperator]) -> Arguments:
    """Read what ``cls`` and the classes under it take from their constructors."""
    annotations: dict[str, str] = {}
    required: tuple[str, ...] | None = None
    for parameters in _constructors(cls):
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        for parameter in named:
            annotations.setdefault(parameter.name, annotation(parameter))
        if required is None:
            required = tuple(p.name for p in named if p.default is p.empty)
    fields = cls.template_fields
    return Arguments(annotations, required or (), frozenset([fields] if isinstance(fields, str) else fields))


def renders_objects(cls: type[BaseOperator]) -> bool:
    """Tell whether an operator says itself how objects in its fields are rendered, as those of Kubernetes do."""
    return cls._render_nested_template_fields is not BaseOperator._render_nested_template_fields


def _constructors(cls: type[BaseOperator]) -> Iterator[list[inspect.Parameter]]:
    """Yield the parameters of ``cls`` and, as long as they pass on what they do not know, of the classes under it."""
    for base in cls.__mro__:
        if base is BaseOperator:
            return
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        yield [parameter for parameter in parameters if parameter.name not in _OURS]
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return


@functools.cache
def task_arguments() -> Mapping[str, str]:
    """Names and annotations of what every task takes beside ``with``."""
    parameters = inspect.signature(BaseOperator.__init__).parameters.values()
    return {p.name: annotation(p) for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in _OURS}


def given_up(name: str) -> Any:
    """Give what a task has that takes a default of its pipeline away by ``null``: Airflow's own default.

    Airflow takes the defaults of the Dag for every argument that the operator is not given.
    """
    return inspect.signature(BaseOperator.__init__).parameters[name].default


def annotation(parameter: inspect.Parameter) -> str:
    """Write the annotation as it is written in the source, whether Python evaluated it or not."""
    written = parameter.annotation
    if written is parameter.empty:
        return ""
    return written if isinstance(written, str) else inspect.formatannotation(written)
