"""One task of a pipeline as an Airflow operator, or the problems that prevent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import ExternalPythonOperator, PythonVirtualenvOperator
from airflow.sdk import BaseOperator, TriggerRule

from airfleet.errors import did_you_mean
from airfleet.pipelines.airflow.airflow_values import (
    MARKERS,
    RENDERED,
    environment,
    has_marker,
    literal_argument,
    lower,
)
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, Operator, mentioned, said_by
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.airflow.functions import kinds as function_kinds
from airfleet.pipelines.airflow.new_objects import check_rendered, member
from airfleet.pipelines.airflow.operator_classes import (
    Arguments,
    NotImported,
    arguments,
    given_up,
    imported,
    renders_objects,
    task_arguments,
)
from airfleet.pipelines.airflow.parts import expansions
from airfleet.pipelines.airflow.parts.options import option
from airfleet.pipelines.analysis.annotations import is_mapping_of_texts
from airfleet.pipelines.checks.named.objects import must_be_rendered
from airfleet.pipelines.language import ids
from airfleet.pipelines.language.environments import is_environment
from airfleet.pipelines.language.spec import (
    CallableRef,
    Expansion,
    JinjaText,
    NewObject,
    OperatorRef,
    Task,
    XCom,
)
from airfleet.problem_codes import Code

#: Their task sends the source of its function to another Python, so they want the function itself.
_SENDS_SOURCE = (PythonVirtualenvOperator, ExternalPythonOperator)


def add(task: Task, context: BuildContext) -> None:
    """Build ``task`` into the context's Dag. Upstream tasks must be there already."""
    if wrong := ids.problem_of(task.id, "task"):
        context.wrong(f"{task.path}.id", *wrong, code=Code.ID)
    context.around = task.group
    # A stand-in lets the tasks behind a wrong one be judged too; such a Dag is never handed out.
    operator = _operator(task, context) or EmptyOperator(task_id=f"stand-in-{len(context.built)}")
    context.built[task.id] = operator


def _operator(task: Task, context: BuildContext) -> Operator | None:
    if isinstance(task.uses, CallableRef):
        return _function_task(task, task.uses, context)
    options = _options(task, context)
    cls = EmptyOperator if task.uses is None else _operator_class(task.uses, task, context)
    if cls is None:
        return None
    takes = arguments(cls)
    before = len(context.problems)
    _check_names(takes, task, context)
    kwargs = _lowered(task, context, takes, cls)
    if not renders_objects(cls):
        check_rendered(task.args, f"{task.path}.with", context)
    if issubclass(cls, _SENDS_SOURCE):
        kwargs = _with_functions(kwargs, task, context)
    if len(context.problems) > before:
        return None
    literals = {name for name, value in task.args.items() if not has_marker(value, RENDERED)}
    return _construct(cls, task, context, {**kwargs, **options}, literals)


def _function_task(task: Task, uses: CallableRef, context: BuildContext) -> Operator | None:
    # All arguments of a function are one field to Airflow: when one is rendered, guard the others.
    items = tuple(task.expand.values.values()) if task.expand else ()
    rendered = has_marker(task.args, RENDERED) or has_marker(items, (JinjaText,))
    check_rendered(task.args, f"{task.path}.with", context)
    kwargs = {
        name: lower(value, f"{task.path}.with.{name}", context, guard=rendered) for name, value in task.args.items()
    }
    kind = function_kinds.operator_of(task, context)
    if kind is None:
        return None
    given = {"function": uses.written, "op_kwargs": kwargs, **kind[1], **_options(task, context)}
    options = task.isolation.options if task.isolation else {}
    literals = {name for name in kind[1] if not has_marker(options.get(name), RENDERED)}
    return _construct(kind[0], task, context, given, literals if rendered else {*literals, "op_kwargs"})


def _construct(
    cls: type[BaseOperator], task: Task, context: BuildContext, given: Mapping[str, Any], literals: set[str]
) -> Operator | None:
    """Make the operator; Airflow renders neither its fields in ``literals`` nor empty ones.

    For each field that it looks at an attempt builds a validator of some milliseconds (reference:
    ``_serialize_rendered_fields`` in airflow/sdk/execution_time/task_runner.py).
    """
    group = context.groups_by_id.get(task.group)
    name = task.id.removeprefix(f"{group.id}.") if group and group.prefix else task.id
    where: dict[str, Any] = {"task_id": name, "dag": context.dag, "task_group": context.groups.get(task.group)}
    try:
        if task.expand is not None:
            return _mapped(cls, task, task.expand, context, {**where, **given}, literals)
        operator = cls(**where, **given)
    except RAISED as error:  # any operator may raise anything at its user
        written = task.uses.written.rpartition(".")[2] if task.uses else "empty"
        context.wrong(_place_of(error, task), said_by(error, written))
        return None
    operator.template_fields = tuple(
        name for name in operator.template_fields if name not in literals and not _stays_empty(operator, name)
    )
    operator.template_ext = ()
    return operator


def _mapped(
    cls: type[BaseOperator],
    task: Task,
    expand: Expansion,
    context: BuildContext,
    given: Mapping[str, Any],
    literals: set[str],
) -> Operator | None:
    """Make the mapped operator of a task that is repeated when it runs."""
    is_function = isinstance(task.uses, CallableRef)
    before = len(context.problems)
    made = expansions.items(expand, task.path, context, {} if is_function else arguments(cls).annotations)
    if len(context.problems) > before:
        return None
    if isinstance(task.uses, CallableRef):
        function = function_kinds.called(task.uses, task.isolation)
        return expansions.mapped_function(cls, task, function, given, made, rendered="op_kwargs" not in literals)
    return expansions.mapped(cls, task, given, made, literals)


def _stays_empty(operator: BaseOperator, field: str) -> bool:
    """Tell whether there is nothing to render in a field, and nothing to show of it after the task either."""
    if getattr(operator, "overwrite_rtif_after_execution", False) or not hasattr(operator, field):
        return False  # shown as it is then; Airflow has something to say about a field that is not there
    value = getattr(operator, field)
    return value is None or (isinstance(value, (str, list, dict, tuple)) and not value)


def _place_of(error: BaseException, task: Task) -> str:
    """Find the path of the argument that the message speaks of, else of the task."""
    if name := mentioned(error, task.args):
        return f"{task.path}.with.{name}"
    if name := mentioned(error, task.options):
        return f"{task.path}.{name}"
    return task.path


# --- the class, and what it is told under `with`


def _operator_class(uses: OperatorRef, task: Task, context: BuildContext) -> type[BaseOperator] | None:
    path = f"{task.path}.uses"
    try:
        found = imported(uses.path)
    except NotImported as error:
        context.wrong(path, error.sentence, error.hint, Code.NOT_IMPORTED)
        return None
    if not (isinstance(found, type) and issubclass(found, BaseOperator)):
        module, _, name = uses.path.rpartition(".")
        hint = f"for a Python function write '{module}:{name}'"
        context.wrong(path, f"'{uses.written}' is not an operator", hint, Code.NOT_AN_OPERATOR)
        return None
    return found


def _check_names(takes: Arguments, task: Task, context: BuildContext) -> None:
    """Note names under ``with`` that the operator does not take, and those that it misses."""
    written = task.uses.written if task.uses else "empty"
    for below, _ in task.values:
        path, name = f"{task.path}.{below}", below.rpartition(".")[2]
        if name in takes.annotations or below == "expand_kwargs":
            continue
        if name in task_arguments():
            sentence, hint = f"'{name}' is said of the task, not under 'with'", f"move '{name}' beside 'with'"
            context.wrong(path, sentence, hint, Code.MISPLACED_KEY)
        else:
            near = did_you_mean(name, takes.annotations)
            context.wrong(path, f"{written} takes no argument '{name}'", near, Code.ARGUMENT_NOT_TAKEN)
    given = {*task.args, *task.options, *context.pipeline.defaults, *(task.expand.values if task.expand else ())}
    for name in takes.required:
        if name not in given and "" not in given:
            context.wrong(task.path, f"{written} needs '{name}' under 'with'", code=Code.ARGUMENT_MISSING)


def _lowered(task: Task, context: BuildContext, takes: Arguments, cls: type[BaseOperator]) -> dict[str, Any]:
    """Convert ``with`` to what Airflow takes."""
    kwargs: dict[str, Any] = {}
    for name, value in task.args.items():
        path = f"{task.path}.with.{name}"
        if isinstance(value, Mapping | XCom | JinjaText) and _is_environment(name, task, takes):
            kwargs[name] = environment(value, path, context)
        elif not has_marker(value, (*MARKERS, NewObject)):
            annotation = takes.annotations.get(name, "")
            kwargs[name] = literal_argument(member(value, annotation, cls), annotation, path, context)
        elif name in takes.rendered or not must_be_rendered(value):
            kwargs[name] = lower(value, path, context, guard=has_marker(value, RENDERED))
        elif name in takes.annotations:
            hint = f"markers may stand in {', '.join(sorted(takes.rendered))}" if takes.rendered else None
            sentence = f"'{name}' is not rendered by the operator, so it takes no marker"
            context.wrong(path, sentence, hint, Code.MARKER_PLACE)
    return kwargs


def _is_environment(name: str, task: Task, takes: Arguments) -> bool:
    by_name = isinstance(task.uses, OperatorRef) and is_environment(task.uses.path, name)
    may_hold_it = name in takes.rendered or not has_marker(task.args[name], RENDERED)
    return may_hold_it and (by_name or is_mapping_of_texts(takes.annotations.get(name, "")))


def _with_functions(kwargs: Mapping[str, Any], task: Task, context: BuildContext) -> dict[str, Any]:
    """Import every function among the arguments now."""
    given = dict(kwargs)
    for name, value in kwargs.items():
        if isinstance(value, LateFunction):
            try:
                given[name] = value.load()
            except ImportError as error:
                context.wrong(f"{task.path}.with.{name}", str(error), code=Code.NOT_IMPORTED)
    return given


# --- arguments outside `with`


def _options(task: Task, context: BuildContext) -> dict[str, Any]:
    """Convert the task's own arguments (retries, queue, ...) to what Airflow takes."""
    options: dict[str, Any] = {}
    for name, value in task.options.items():
        path = f"{task.path}.{name}"
        if name not in task_arguments():
            context.wrong(path, f"a task has no '{name}'", _option_hint(name, task), Code.UNKNOWN_KEY)
        elif value is None:
            options[name] = given_up(name)
        elif name == "trigger_rule" and value not in list(TriggerRule):
            rules = [str(rule.value) for rule in TriggerRule]
            hint = did_you_mean(str(value), rules)
            context.wrong(path, f"trigger_rule is one of {', '.join(rules)}", hint, Code.NOT_A_CHOICE)
        else:
            options[name] = option(name, value, task_arguments()[name], path, context)
    return options


def _option_hint(name: str, task: Task) -> str | None:
    hint = did_you_mean(name, task_arguments())
    if hint is None and isinstance(task.uses, OperatorRef):
        return f"arguments of {task.uses.written} stand under 'with'"
    return hint
