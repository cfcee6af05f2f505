"""Dags in Python as documents of ours: what Airflow keeps of a Dag, and the arguments that its operators were given.

Run as a program: ``python -m airfleet.pipelines.airflow.conversion.python_dags ANSWER FILE`` writes a file with JSON,
see :func:`converted`. Its output belongs to Airflow and to the file with Dags.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from airflow.dag_processing.importers import PythonDagImporter
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.bases.decorator import DecoratedOperator
from airflow.sdk.bases.operator import BaseOperator
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airfleet.pipelines.airflow.conversion import group_edges
from airfleet.pipelines.airflow.conversion.python_values import Values, schedule
from airfleet.pipelines.airflow.import_common import reach_modules
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS

#: arguments of every task that are said in another way
_OWN: Final = frozenset(
    {"task_id", "dag", "task_group", "default_args", "start_from_trigger", "start_trigger_args", "multiple_outputs"}
)
_OPTIONS: Final = frozenset({*TASK_ARGUMENTS, "inlets", "outlets"})
#: arguments of a function that say nothing when they are empty
_OF_FUNCTIONS: Final = ("op_args", "op_kwargs", "templates_dict")


def converted(file: Path) -> dict[str, Any]:
    """Give ``documents``, ``notes`` on what could not be carried over, and names of ``functions`` of the file."""
    reach_modules(file)
    result = PythonDagImporter().import_file(file, safe_mode=False)
    values = Values(file)
    documents = [_document(dag, values) for dag in result.dags]
    errors = [error.stacktrace or error.message for error in result.errors]
    return {
        "documents": documents,
        "notes": values.notes,
        "functions": sorted(values.functions),
        "errors": [error.strip().splitlines()[-1] for error in errors if error and error.strip()],
    }


def _document(dag: DAG, values: Values) -> dict[str, Any]:
    values.path = dag.dag_id
    values.zone = dag.timezone
    zone = getattr(dag.timezone, "name", None) or "UTC"
    return {
        "dag_id": dag.dag_id,
        "schedule": schedule(dag.schedule, values),
        **({"timezone": zone} if zone != "UTC" or dag.start_date or dag.end_date else {}),
        **dict(_options(dag, values)),
        **_defaults(dag.default_args, values),
        "tasks": list(_entries(dag.task_group, dag.default_args, values)),
    }


def _options(dag: DAG, values: Values) -> Iterator[tuple[str, Any]]:
    fields = attrs.fields_dict(DAG)
    for name in DAG_ARGUMENTS:
        given = getattr(dag, name, None)
        field = fields.get(name)
        usual = field.default if field is not None else None
        if given in (None, [], {}, ()) or given == usual or _is_usual(name, given, usual, dag):
            continue
        if name in ("start_date", "end_date") and name in dag.default_args:
            continue
        values.path = f"{dag.dag_id}.{name}"
        yield name, values.option(name, given)


def _is_usual(name: str, given: Any, usual: Any, dag: DAG) -> bool:
    """Tell whether a value is what Airflow takes when nothing is said."""
    if isinstance(usual, attrs.Factory):  # type: ignore[arg-type]
        made = usual.factory(dag) if usual.takes_self else usual.factory()
        return bool(made == given)
    return (name == "dag_display_name" and given == dag.dag_id) or (name == "tags" and not given)


def _defaults(default_args: Mapping[str, Any] | None, values: Values) -> dict[str, Any]:
    found = {}
    for name, value in (default_args or {}).items():
        if name in TASK_ARGUMENTS and value is not None:
            values.path = f"default_args.{name}"
            found[name] = values.option(name, value)
    return {"defaults": found} if found else {}


def _entries(group: TaskGroup, defaults: Mapping[str, Any], values: Values) -> Iterator[dict[str, Any]]:
    """Yield the tasks and groups of a group."""
    for child in group.children.values():
        if isinstance(child, TaskGroup):
            yield _group(child, {**defaults, **(child.default_args or {})}, values)
        elif isinstance(child, (BaseOperator, MappedOperator)):
            yield _task(child, defaults, values)


def _group(group: TaskGroup, defaults: Mapping[str, Any], values: Values) -> dict[str, Any]:
    values.path = str(group.group_id)
    return {
        "group": str(group.label),
        **({"tooltip": group.tooltip} if group.tooltip else {}),
        **({} if group.prefix_group_id else {"prefix": False}),
        **({"needs": needs} if (needs := group_edges.needs_of_group(group)) else {}),
        **(_repetition(group._expand_input.value, values) if isinstance(group, MappedTaskGroup) else {}),
        **_defaults(group.default_args, values),
        "tasks": list(_entries(group, defaults, values)),
    }


def _task(operator: BaseOperator | MappedOperator, defaults: Mapping[str, Any], values: Values) -> dict[str, Any]:
    values.path = operator.task_id
    values.used = set()
    is_mapped = isinstance(operator, MappedOperator)
    cls = operator.operator_class if isinstance(operator, MappedOperator) else type(operator)
    given = operator.partial_kwargs if isinstance(operator, MappedOperator) else _given(operator)
    values.begin(cls)
    task: dict[str, Any] = {"id": str(operator.label)}
    uses, args = _work(operator, cls, given, values)
    options = _task_options(given, defaults, operator.dag, values)
    expand = _expand(operator, values) if is_mapped else {}
    needs = group_edges.needs_of_task(operator, values.used)
    return {
        **task,
        **({"uses": uses} if uses else {}),
        **({"needs": needs} if needs else {}),
        **({"setup": True} if operator.is_setup else {}),
        **({"teardown": True} if operator.is_teardown else {}),
        **options,
        **expand,
        **({"with": args} if args else {}),
    }


def _given(operator: BaseOperator) -> dict[str, Any]:
    """Give the arguments that an operator was made with."""
    return dict(getattr(operator, "_BaseOperator__init_kwargs", {}))


def _work(operator: Any, cls: type, given: Mapping[str, Any], values: Values) -> tuple[str | None, dict[str, Any]]:
    """Give ``uses`` and ``with``."""
    if issubclass(cls, DecoratedOperator) and cls.__name__ == "_PythonDecoratedOperator":
        called = given.get("python_callable") or getattr(operator, "python_callable", None)
        function = values.function(getattr(called, "function", called))
        args = _by_name(called, given.get("op_args") or (), given.get("op_kwargs") or {}, values)
        return function, {name: values.argument(value, rendered=True) for name, value in args.items()}
    if issubclass(cls, DecoratedOperator):
        values.note(f"'{getattr(cls, 'custom_operator_name', cls.__name__)}' is no operator that 'uses' can name")
        return None, {}
    args = {}
    fields = set(getattr(cls, "template_fields", ()))
    for name, value in given.items():
        if name not in _OPTIONS and name not in _OWN and not (name in _OF_FUNCTIONS and not value):
            values.path = f"{operator.task_id}.{name}"
            args[name] = values.argument(value, rendered=name in fields)
    args = {name: value for name, value in args.items() if value is not None or given[name] is None}
    return (None if cls is EmptyOperator else f"{cls.__module__}.{cls.__qualname__}"), args


def _by_name(called: Any, by_place: Sequence[Any], by_name: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Give all arguments of a function by their names."""
    if not by_place:
        return dict(by_name)
    try:
        bound = inspect.signature(called).bind_partial(*by_place, **by_name).arguments
    except (TypeError, ValueError):
        values.note("arguments without names are left out")
        return dict(by_name)
    return {name: value for name, value in bound.items() if name in inspect.signature(called).parameters}


def _task_options(
    given: Mapping[str, Any], defaults: Mapping[str, Any], dag: DAG | None, values: Values
) -> dict[str, Any]:
    found = {}
    path = values.path
    for name, value in given.items():
        if name in _OPTIONS and value is not None and not _is_default(name, value, defaults, dag):
            values.path = f"{path}.{name}"
            found[name] = values.option(name, value)
    values.path = path
    return {name: value for name, value in found.items() if value not in (None, {}, [])}


def _is_default(name: str, value: Any, defaults: Mapping[str, Any], dag: DAG | None) -> bool:
    if name == "params" and dag is not None:  # those of the Dag are among those of each task
        return all(key in dag.params and dag.params[key] == value[key] for key in value)
    return (name == "multiple_outputs" and not value) or (name in defaults and bool(defaults[name] == value))


def _expand(operator: Any, values: Values) -> dict[str, Any]:
    given = operator.op_kwargs_expand_input if hasattr(operator, "op_kwargs_expand_input") else operator.expand_input
    return _repetition(given.value, values)


def _repetition(value: Any, values: Values) -> dict[str, Any]:
    """Give ``expand`` or ``expand_kwargs`` by what a task or group is repeated for."""
    if isinstance(value, Mapping):
        return {"expand": {name: values.argument(one, rendered=True) for name, one in value.items()}}
    return {"expand_kwargs": values.argument(value, rendered=True)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(converted(Path(sys.argv[2])), default=str), encoding="utf-8")
