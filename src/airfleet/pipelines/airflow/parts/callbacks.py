"""Callbacks of a Dag and its tasks: a function or a notifier's class, imported when Airflow calls it.

The dag-processor reads the file of a Dag again and again, and calls a callback seldom. So a notifier whose library is
missing or broken harms its own call, and neither the Dag nor others of its file. A notifier is made anew for each
call: it renders its attributes in place.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from airflow.sdk import BaseNotifier, literal

from airfleet.pipelines.airflow.airflow_values import MARKERS, has_marker, lower, plainly_converted, unfrozen
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.airflow.new_objects import member, parameters, template_fields
from airfleet.pipelines.analysis.annotations import kind_in
from airfleet.pipelines.language.spec import CallableRef, Callback, NewObject, Value, XCom
from airfleet.pipelines.language.values import FUNCTION
from airfleet.problem_codes import Code


@dataclass(frozen=True)
class LateCallback(LateFunction):
    """A function, or a notifier's class, that Airflow calls with the context when something has happened."""

    #: arguments as they are written
    literals: Mapping[str, Value] = field(default_factory=dict, hash=False)
    #: arguments with markers, as Airflow renders them; literals in them are guarded
    marked: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Import the function or notifier, and call it with what Airflow gives, the context first."""
        found = self.load()
        if isinstance(found, type):
            return self._notifier(found)(*args, **kwargs)
        return _carried_out(found(*args, **kwargs, **self._arguments(args[0] if args else {})))

    def _arguments(self, context: Any) -> dict[str, Any]:
        given = {name: unfrozen(value) for name, value in self.literals.items()}
        if not self.marked:
            return given
        renderer = BaseNotifier()
        environment = renderer.get_template_env(dag=context.get("dag"))
        return {**given, **renderer.render_template(dict(self.marked), context, environment)}

    def _notifier(self, cls: type) -> Callable[..., Any]:
        """Make a notifier of this class. Another class would make an object and do nothing more, silently."""
        if not issubclass(cls, BaseNotifier):
            raise TypeError(f"{self.written} is a class, and a callback is a function")
        annotations, rendered = parameters(cls), template_fields(cls)
        given = {
            name: _literal(member(value, annotations.get(name, ""), cls), annotations.get(name, ""))
            for name, value in self.literals.items()
        }
        return cls(**{name: _guarded(value, name in rendered) for name, value in {**given, **self.marked}.items()})


def _literal(value: Value, annotation: str) -> Any:
    if kind_in(annotation) == "function" and isinstance(value, str) and FUNCTION.fullmatch(value):
        return LateFunction(*value.split(":", 1))
    converted = plainly_converted(value, annotation)
    return literal(converted) if isinstance(converted, str) else _with_literals(converted)


def _with_literals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_literals(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_literals(item) for item in value]
    return literal(value) if isinstance(value, str) else value


_LITERAL: Final = type(literal(""))


def _guarded(value: Any, is_rendered: bool) -> Any:
    """Leave the guard from Jinja only where it is needed: a notifier may look at its arguments, and expects text."""
    if isinstance(value, _LITERAL):
        return value if is_rendered and _looks_like_jinja(value.value) else value.value
    if isinstance(value, dict):
        return {name: _guarded(item, is_rendered) for name, item in value.items()}
    return [_guarded(item, is_rendered) for item in value] if isinstance(value, list) else value


def _looks_like_jinja(value: object) -> bool:
    return isinstance(value, str) and any(begin in value for begin in ("{{", "{%", "{#"))


def _carried_out(result: Any) -> Any:
    """Carry a callback out: an asynchronous one or a generator has done nothing yet."""
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return list(result) if inspect.isgenerator(result) else result


def late_callbacks(value: Value, path: str, context: BuildContext) -> Any:
    """Convert a callback, or a list of them, to what Airflow calls."""
    if isinstance(value, tuple):
        return [late_callback(item, f"{path}[{index}]", context) for index, item in enumerate(value)]
    return late_callback(value, path, context)


def late_callback(value: Value, path: str, context: BuildContext) -> Any:
    """Convert one callback to what Airflow calls."""
    if isinstance(value, NewObject):
        return lower(value, path, context, guard=False)
    if isinstance(value, str) and FUNCTION.fullmatch(value):
        value = Callback(CallableRef(*value.split(":", 1)))
    if not isinstance(value, Callback):
        context.wrong(path, "must be the name of a function", "write module:function", Code.FUNCTION_NAME)
        return None
    literals = {name: item for name, item in value.args.items() if not has_marker(item, (*MARKERS, NewObject))}
    marked = {
        name: lower(item, f"{path}.with.{name}", context, guard=True)
        for name, item in value.args.items()
        if name not in literals
    }
    if has_marker(value.args, (XCom,)):
        context.wrong(path, "a callback has no upstream tasks, so it takes no $x", code=Code.MARKER_PLACE)
    return LateCallback(value.uses.module, value.uses.function, literals, marked)
