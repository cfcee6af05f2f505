"""Fields of a task that hold nothing to render, kept from being rendered. [A]

Airflow takes every template field of a task through the same steps, whatever it holds: each text in it is compiled as a
Jinja template, and for each field a validator is built (reference: ``_do_render_template_fields`` in
airflow/sdk/definitions/_internal/templater.py and ``_serialize_rendered_fields`` in
airflow/sdk/execution_time/task_runner.py). A single validator is a quarter of what an attempt of a small task does for
itself, and most fields hold nothing, numbers, or text without a template.

A *plain* field is one that those steps would give back as it is. It is left out of ``template_fields`` while Airflow
renders, and put back before anybody else looks: when Airflow reports what it has rendered, or calls its listeners, of
which ours is the first. The report, the operator and its arguments are as they would have been. When all fields are
plain, Airflow has nothing to report, and the report is made here.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk import DAG, BaseOperator
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.configuration import conf
from airflow.sdk.definitions._internal.templater import create_template_env
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CommsDecoder, SetRenderedFields, ToSupervisor, ToTask
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.listener import get_listener_manager

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


class Channel(CommsDecoder[ToTask, ToSupervisor]):
    """An attempt's way to its monitor, on which the report of rendered fields is complete."""

    _aside: Aside | None = None

    def spare(self, ti: RuntimeTaskInstance) -> None:
        """Keep the plain fields of the attempt's task from being rendered, until :meth:`restore`."""
        self._aside = aside = Aside.of(ti)
        if aside is None or ti.task.template_fields:
            return
        try:
            super().send(SetRenderedFields(rendered_fields=aside.completed({})))
        except Exception:  # Airflow tries again, in its place, and says what is wrong
            self.restore()

    def restore(self) -> None:
        """Let the task be as it was written."""
        if self._aside is not None:
            self._aside.restore()
            self._aside = None

    def send(self, msg: ToSupervisor) -> ToTask | None:
        """As Airflow's; the report of what it has rendered has all fields."""
        if self._aside is not None and isinstance(msg, SetRenderedFields):
            fields = self._aside.completed(msg.rendered_fields)
            msg = msg.model_copy(update={"rendered_fields": fields})
            self.restore()
        return super().send(msg)


class _Listener:
    """Airflow calls it when a task has been rendered, and before it runs."""

    @hookimpl
    def on_task_instance_running(self) -> None:
        channel = getattr(task_runner, "SUPERVISOR_COMMS", None)
        if isinstance(channel, Channel):
            channel.restore()


_LISTENER = _Listener()


def prepare() -> None:
    """Do once, for all attempts that are forked from here, what each of them would do first."""
    get_listener_manager().add_listener(_LISTENER)
    _longest()
    redact({"name": "value"}, "name")
    create_template_env()


@dataclass(frozen=True)
class Aside:
    """The plain fields of an attempt's task, while Airflow does not see them."""

    ti: RuntimeTaskInstance
    #: the task as it was loaded; Airflow renders a copy of it
    task: BaseOperator
    #: all template fields
    written: Collection[str]
    #: with containers of their own, as after rendering
    plain: Mapping[str, Any]
    #: the task itself has template fields, not only its class
    is_own: bool

    @classmethod
    def of(cls, ti: RuntimeTaskInstance) -> Aside | None:
        """Take the plain fields out of the task's template fields; None when there are none."""
        task = ti.task
        plain = plain_fields(task)
        if not plain:
            return None
        aside = cls(ti, task, task.template_fields, plain, "template_fields" in vars(task))
        vars(task).update(plain)
        task.template_fields = tuple(name for name in aside.written if name not in plain)
        return aside

    def restore(self) -> None:
        """Put them back, in the copy too."""
        for task in {id(task): task for task in (self.task, self.ti.task)}.values():
            if self.is_own:
                task.template_fields = self.written
            else:
                vars(task).pop("template_fields", None)

    def completed(self, reported: Mapping[str, Any]) -> dict[str, Any]:
        """The report with the plain fields in their places."""
        shown = {name: redact(_shown(value, name), name) for name, value in self.plain.items()}
        return dict.fromkeys(self.written) | dict(reported) | shown


def plain_fields(task: Any) -> Mapping[str, Any]:
    """The template fields of a task that Airflow need not see to render it, with copies of what they hold."""
    if not isinstance(task, BaseOperator) or not _is_rendered_as_usual(task):
        return {}
    held, extensions = vars(task), tuple(task.template_ext)
    dotted = {path.partition(".")[0] for path in task.template_fields_renderers if "." in path}
    return {
        name: _copy(held[name])
        for name in task.template_fields
        if name in held and name not in dotted and _is_plain(held[name], extensions) and not _changes(task, name)
    }


def _is_rendered_as_usual(task: BaseOperator) -> bool:
    """Whether it is Airflow's own code that renders, with Jinja's usual marks, and gives text for text."""
    own = any(getattr(type(task), step) is not getattr(BaseOperator, step) for step in _STEPS)
    dag = task.get_dag()
    if own or dag is None or type(dag).get_template_env is not DAG.get_template_env:
        return False
    fields_are_names = isinstance(task.template_fields, (tuple, list))
    return fields_are_names and not dag.jinja_environment_kwargs and not task._should_render_native(dag)


def _changes(task: BaseOperator, name: str) -> bool:
    """Whether setting a field, as is done with what was rendered, makes something else of it."""
    return hasattr(task, f"_convert_{name}") or hasattr(inspect.getattr_static(type(task), name, None), "__set__")


def _is_plain(value: Any, extensions: tuple[str, ...]) -> bool:
    kind = type(value)
    if kind is str:
        # Jinja makes one kind of line ends of all, and drops the last.
        return "{" not in value and "\r" not in value and not value.endswith(("\n", *extensions))
    if kind is dict:
        return all(type(key) is str and _is_plain(one, extensions) for key, one in value.items())
    if kind is list or kind is tuple:
        return all(_is_plain(one, extensions) for one in value)
    return kind in _SCALARS


def _copy(value: Any) -> Any:
    """Containers that nobody else has, down to the innermost."""
    if type(value) is dict:
        return {key: _copy(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(one) for one in value)
    return value


def _shown(value: Any, name: str) -> Any:
    """A plain value as Airflow shows it: what is long is cut."""
    shown = _sorted(value)
    return shown if len(str(shown)) <= _longest() else task_runner._serialize_template_field(value, name)


def _sorted(value: Any) -> Any:
    if type(value) is dict:
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if type(value) in (list, tuple) else value


@cache
def _longest() -> int:
    """Characters of a field that Airflow shows."""
    return int(conf.getint("core", "max_templated_field_length"))
