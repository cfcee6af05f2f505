"""Template fields of a task: an attempt renders and reports only fields that hold templates. [A]

Airflow takes every template field of a task through the same steps: it compiles each text as a Jinja template, and
builds a validator for each field (reference: ``_do_render_template_fields`` in
airflow/sdk/definitions/_internal/templater.py and ``_serialize_rendered_fields`` in
airflow/sdk/execution_time/task_runner.py). A single validator is a quarter of the work of a small task's attempt, and
most fields hold nothing, numbers, or text without a template.

A *plain* field is one that rendering would give back as it is. Airflow does not get to see it. And what was rendered is
reported from here. The report, the operator and its arguments are as they would have been: fields that Airflow need not
look at are hidden, and shown again before anybody else looks, by a listener that is called before all others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.sdk import DAG, BaseOperator
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.configuration import conf
from airflow.sdk.definitions._internal.templater import create_template_env
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import SetRenderedFields
from airflow.sdk.listener import get_listener_manager

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk.definitions.context import Context

#: an operator that has one of its own may do anything with a field
_STEPS = (
    "get_template_env",
    "render_template_fields",
    "_do_render_template_fields",
    "_iter_templated_fields",
    "render_template",
    "_render",
)
_SCALARS = (type(None), bool, int, float)
_RENDERERS = "template_fields_renderers"


@dataclass(frozen=True)
class Hidden:
    """The template fields of a task, while it seems to have fewer."""

    task: BaseOperator
    #: the task's own, if not its class has them
    own: Collection[str] | None

    @classmethod
    def of(cls, task: BaseOperator, left: Collection[str]) -> Hidden:
        """Let ``task`` seem to have only these."""
        hidden = cls(task, vars(task).get("template_fields"))
        task.template_fields = left
        return hidden

    def show(self) -> None:
        """Let it have all of them."""
        if self.own is None:
            del self.task.template_fields
        else:
            self.task.template_fields = self.own


class RuntimeTaskInstance(task_runner.RuntimeTaskInstance):
    """Airflow's, of the same name because tasks can see it; renders and reports no more than there is to."""

    _hidden: Hidden | None = None
    _is_prepared: bool = False

    def render_templates(
        self, context: Context | None = None, jinja_env: jinja2.Environment | None = None
    ) -> BaseOperator:
        """Render as Airflow does; the first time, report the rendered fields, too."""
        if self._is_prepared:
            again: BaseOperator = super().render_templates(context, jinja_env)
            return again
        self._is_prepared = True
        with _spared(self.task):
            original: BaseOperator = super().render_templates(context, jinja_env)
        if report := _report(self.task):
            # The message has its validator: it is as strict as the ones that Airflow builds.
            task_runner.SUPERVISOR_COMMS.send(msg=SetRenderedFields(rendered_fields=report))
            self._hidden = Hidden.of(self.task, ())
        return original

    def show_fields(self) -> None:
        """Let the task have its template fields, if they were hidden."""
        if self._hidden is not None:
            self._hidden.show()
            self._hidden = None


class _Listener:
    """Airflow calls it when a task has been rendered, and before it runs."""

    @hookimpl(tryfirst=True)
    def on_task_instance_running(self, task_instance: Any) -> None:
        if isinstance(task_instance, RuntimeTaskInstance):
            task_instance.show_fields()


_LISTENER = _Listener()


def prepare() -> None:
    """Do once, for all attempts that are forked from here, what each of them would do first."""
    get_listener_manager().add_listener(_LISTENER)
    _longest()
    redact({"name": "value"}, "name")
    create_template_env()


@contextmanager
def _spared(task: Any) -> Iterator[None]:
    """Have Airflow render what is not plain; containers become the task's own all the same."""
    plain = plain_fields(task)
    if not plain:
        yield
        return
    vars(task).update(plain)
    hidden = Hidden.of(task, tuple(name for name in task.template_fields if name not in plain))
    try:
        yield
    finally:
        hidden.show()


def _report(task: Any) -> dict[str, Any]:
    """Return the task's fields as Airflow shows them; nothing when Airflow has to find that out."""
    if _is_computed(task, "template_fields") or any("." in path for path in getattr(task, _RENDERERS, {})):
        return {}
    return {name: redact(_shown(getattr(task, name), name), name) for name in task.template_fields}


def plain_fields(task: Any) -> Mapping[str, Any]:
    """Return copies of the template fields that rendering would give back as they are."""
    if not isinstance(task, BaseOperator) or not _is_rendered_as_usual(task):
        return {}
    held, ends = vars(task), ("\n", *task.template_ext)
    return {
        name: _copy(held[name])
        for name in task.template_fields
        if name in held and _is_made_of(held[name], lambda text: _stays(text, ends)) and not _changes(task, name)
    }


def _is_rendered_as_usual(task: BaseOperator) -> bool:
    """Tell whether Airflow's own code renders, with Jinja's usual marks, and gives text for text."""
    own = any(getattr(type(task), step) is not getattr(BaseOperator, step) for step in _STEPS)
    dag = task.get_dag()
    if own or dag is None or type(dag).get_template_env is not DAG.get_template_env:
        return False
    fields_are_names = isinstance(task.template_fields, (tuple, list)) and not _is_computed(task, "template_fields")
    return fields_are_names and not dag.jinja_environment_kwargs and not task._should_render_native(dag)


def _changes(task: BaseOperator, name: str) -> bool:
    """Tell whether setting a field to its rendered value changes the value."""
    return hasattr(task, f"_convert_{name}") or _is_computed(task, name)


def _is_computed(task: Any, name: str) -> bool:
    """Tell whether an attribute is a property, or the like, of the operator's class."""
    return hasattr(inspect.getattr_static(type(task), name, None), "__set__")


def _stays(text: str, ends: tuple[str, ...]) -> bool:
    """Tell whether Jinja gives a text back as it is: it unifies line ends, and drops the last."""
    return "{" not in text and "\r" not in text and not text.endswith(ends)


def _is_made_of(value: Any, text: Callable[[str], bool] = lambda _: True) -> bool:
    """Tell whether a value has only JSON's own types, and ``text`` holds for every text that is no key."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is dict:
        return all(type(key) is str and _is_made_of(one, text) for key, one in value.items())
    if kind is list or kind is tuple:
        return all(_is_made_of(one, text) for one in value)
    return kind in _SCALARS


def _copy(value: Any) -> Any:
    """Containers that nobody else has, down to the innermost."""
    if type(value) is dict:
        return {key: _copy(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(one) for one in value)
    return value


def _shown(value: Any, name: str) -> Any:
    """Return a value as Airflow shows it: a long one is cut."""
    if _is_made_of(value) and len(str(shown := _sorted(value))) <= _longest():
        return shown
    return task_runner._serialize_template_field(value, name)


def _sorted(value: Any) -> Any:
    if type(value) is dict:
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if type(value) in (list, tuple) else value


@cache
def _longest() -> int:
    """Characters of a field that Airflow shows."""
    return int(conf.getint("core", "max_templated_field_length"))
