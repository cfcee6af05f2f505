"""Tasks that are repeated when they run: ``expand`` and ``expand_kwargs`` as Airflow's mapped operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow.sdk import BaseOperator, BaseSensorOperator, XComArg
from airflow.sdk.bases.decorator import DecoratedMappedOperator
from airflow.sdk.bases.skipmixin import SkipMixin
from airflow.sdk.definitions._internal.expandinput import (
    EXPAND_INPUT_EMPTY,
    DictOfListsExpandInput,
    ListOfDictsExpandInput,
)
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airfleet.pipelines.airflow.airflow_values import RENDERED, has_marker, literal_argument, lower
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.language.spec import Expansion, JinjaText, Repeat, Task, Value


def items(expand: Expansion, path: str, context: BuildContext, annotations: Mapping[str, str]) -> Any:
    """Convert the items to what Airflow goes through: by argument (PRODUCT), else a list of sets of arguments."""
    key = f"{path}.{'expand_kwargs' if expand.repeat is Repeat.KWARGS else 'expand'}"
    if expand.repeat is Repeat.KWARGS:
        return _of_argument(expand.values[""], "", key, context)
    made = {
        name: _of_argument(value, annotations.get(name, ""), f"{key}.{name}", context)
        for name, value in expand.values.items()
    }
    return made if expand.repeat is Repeat.PRODUCT else _zipped(made)


def _of_argument(value: Value, annotation: str, path: str, context: BuildContext) -> Any:
    rendered = has_marker(value, (JinjaText,))
    if isinstance(value, tuple):
        return [_item(one, annotation, f"{path}[{at}]", context, rendered=rendered) for at, one in enumerate(value)]
    if isinstance(value, Mapping):
        return {
            name: _item(one, annotation, f"{path}.{name}", context, rendered=rendered) for name, one in value.items()
        }
    return lower(value, path, context, guard=False)


def _item(value: Value, annotation: str, path: str, context: BuildContext, *, rendered: bool) -> Any:
    if has_marker(value, RENDERED):
        return lower(value, path, context, guard=False)
    lowered = lower(value, path, context, guard=False)
    plain = literal_argument(value, annotation, path, context) if annotation else lowered
    return unrendered(plain) if rendered else plain


def unrendered(value: Any) -> Any:
    """Write a text so that Jinja gives it back. Airflow has no other guard for one item of a list."""
    if isinstance(value, list):
        return [unrendered(item) for item in value]
    if isinstance(value, dict):
        return {key: unrendered(item) for key, item in value.items()}
    if not isinstance(value, str) or "{" not in value:
        return value
    escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'{{{{ "{escaped}" }}}}'


def _zipped(made: Mapping[str, Any]) -> Any:
    """Put lists of one length, or outputs, side by side: the first items are one set of arguments, and so on."""
    outputs = [value for value in made.values() if isinstance(value, XComArg)]
    if outputs:
        return outputs[0].zip(*outputs[1:]).map(arguments_of(tuple(made)))
    return [dict(zip(made, row, strict=True)) for row in zip(*made.values(), strict=True)]


def arguments_of(names: tuple[str, ...]) -> Callable[[Iterable[Any]], dict[str, Any]]:
    """Give a function that makes a set of arguments of these names from their values. Airflow keeps its source."""

    def arguments(values: Iterable[Any]) -> dict[str, Any]:
        return dict(zip(names, values, strict=True))

    return arguments


def mapped(
    cls: type[BaseOperator], task: Task, given: Mapping[str, Any], made: Any, literals: set[str]
) -> MappedOperator:
    """Make the mapped operator of a task; ``given`` are the arguments that all repetitions have."""
    assert task.expand is not None
    partial = cls.partial(**given)
    by_argument = task.expand.repeat is Repeat.PRODUCT
    operator = partial.expand(**made) if by_argument else partial.expand_kwargs(made)
    rendered = task.args.keys() - literals | _names_of_texts(task.expand)
    operator.template_fields = tuple(name for name in operator.template_fields if name in rendered)
    operator.template_ext = ()
    return operator


def _names_of_texts(expand: Expansion) -> set[str]:
    """List the arguments whose items are Jinja. Outputs of tasks are taken as they are."""
    found: dict[str, Value] = dict(expand.values)
    if expand.repeat is Repeat.KWARGS:
        sets = found.pop("")
        for one in sets if isinstance(sets, tuple) else ():
            found |= {name: (found.get(name), value) for name, value in one.items()} if isinstance(one, Mapping) else {}
    return {name for name, value in found.items() if has_marker(value, (JinjaText,))}


def mapped_function(
    cls: type[BaseOperator], task: Task, function: Any, given: Mapping[str, Any], made: Any, *, rendered: bool
) -> MappedOperator:
    """Make the mapped operator of a function: its arguments are one field, ``op_kwargs``, of the operator.

    Does as ``_TaskDecorator._expand`` of Airflow's ``@task``, for an operator that imports its function late.
    """
    assert task.expand is not None
    partial = cls.partial(**given)
    partial._expand_called = True
    kwargs = dict(partial.kwargs)
    by_argument = task.expand.repeat is Repeat.PRODUCT
    operator_class: Any = DecoratedMappedOperator
    operator = operator_class(
        operator_class=cls,
        expand_input=EXPAND_INPUT_EMPTY,
        op_kwargs_expand_input=DictOfListsExpandInput(made) if by_argument else ListOfDictsExpandInput(made),
        python_callable=function,
        multiple_outputs=bool(kwargs.pop("multiple_outputs", False)),
        task_id=kwargs.pop("task_id"),
        dag=kwargs.pop("dag"),
        task_group=kwargs.pop("task_group"),
        start_date=kwargs.pop("start_date", None),
        end_date=kwargs.pop("end_date", None),
        partial_kwargs=kwargs,
        params=partial.params,
        operator_extra_links=cls.operator_extra_links,
        template_ext=(),
        template_fields=("op_kwargs",) if rendered else (),
        template_fields_renderers=cls.template_fields_renderers,
        ui_color=cls.ui_color,
        ui_fgcolor=cls.ui_fgcolor,
        is_empty=False,
        is_sensor=issubclass(cls, BaseSensorOperator),
        can_skip_downstream=issubclass(cls, SkipMixin),
        task_module=cls.__module__,
        task_type=cls.__name__,
        operator_name=getattr(cls, "custom_operator_name", cls.__name__),
        disallow_kwargs_override=not by_argument,
        expand_input_attr="op_kwargs_expand_input",
        start_trigger_args=None,
        start_from_trigger=False,
    )
    assert isinstance(operator, MappedOperator)
    return operator
