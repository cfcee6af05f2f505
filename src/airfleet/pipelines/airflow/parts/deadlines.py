"""Deadlines of a Dag as Airflow's alerts.

An alert keeps the path of its callback and no more. It is made as one that is read back from the database is: without
an import, so that the module of a callback harms no Dag.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import AsyncCallback, SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from airfleet.pipelines.airflow.airflow_values import RENDERED, has_marker, lower
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, said_by
from airfleet.pipelines.airflow.operator_classes import NotImported, imported
from airfleet.pipelines.airflow.parts.expansions import unrendered
from airfleet.pipelines.analysis.constructors import Maker, maker
from airfleet.pipelines.language.options.deadlines import REFERENCES
from airfleet.pipelines.language.spec import CallableRef, Callback, Deadline, NewObject, Value
from airfleet.problem_codes import Code


def deadlines(value: Value, path: str, context: BuildContext) -> Any:
    """Convert a deadline, or a list of them."""
    if isinstance(value, tuple):
        return [deadlines(item, f"{path}[{index}]", context) for index, item in enumerate(value)]
    return _alert(value, path, context) if isinstance(value, Deadline) else lower(value, path, context, guard=False)


def _alert(deadline: Deadline, path: str, context: BuildContext) -> DeadlineAlert | None:
    before = len(context.problems)
    given: dict[str, Any] = {
        "reference": _reference(deadline.reference, f"{path}.reference", context),
        "interval": lower(deadline.interval, f"{path}.interval", context, guard=False),
        "callback": _callback(deadline.callback, f"{path}.callback", context),
        "name": deadline.name,
    }
    if len(context.problems) > before:
        return None
    try:
        return DeadlineAlert(**given)
    except RAISED as error:  # an object may be none that Airflow takes
        context.wrong(path, said_by(error, "the deadline"))
        return None


def _reference(reference: str | NewObject, path: str, context: BuildContext) -> Any:
    if isinstance(reference, str):
        return getattr(DeadlineReference, REFERENCES[reference])
    return lower(reference, path, context, guard=False)


def _callback(value: str | Callback | NewObject, path: str, context: BuildContext) -> Any:
    if isinstance(value, NewObject):
        return lower(value, path, context, guard=False)
    callback = Callback(CallableRef(*value.split(":", 1))) if isinstance(value, str) else value
    dotted = f"{callback.uses.module}.{callback.uses.function}"
    found = _found(dotted, path, context)
    kwargs = {
        name: _argument(name, item, found, f"{path}.with.{name}", context) for name, item in callback.args.items()
    }
    kind = AsyncCallback if found.is_async else SyncCallback
    return kind.deserialize({"path": dotted, "kwargs": kwargs}, 1)


def _argument(name: str, value: Value, found: Maker, path: str, context: BuildContext) -> Any:
    """Convert an argument; a notifier renders its fields itself, so text without ``$t`` gives itself back."""
    lowered = lower(value, path, context, guard=False)
    is_rendered = found.is_class and name in (found.template_fields or ())
    return unrendered(lowered) if is_rendered and not has_marker(value, RENDERED) else lowered


def _found(dotted: str, path: str, context: BuildContext) -> Maker:
    """Tell whether the callback is for the triggerer, by its source, or else by what it is."""
    found = maker(dotted, (str(context.root), str(Path(context.pipeline.file).parent)))
    if isinstance(found, Maker):
        return found
    try:
        there = imported(dotted)
    except NotImported as error:
        context.wrong(path, error.sentence, error.hint, Code.NOT_IMPORTED)
        return Maker(None)
    is_class = isinstance(there, type)
    overrides = is_class and getattr(there, "async_notify", None) is not BaseNotifier.async_notify
    fields = frozenset(getattr(there, "template_fields", ()))
    return Maker(None, fields, is_class, is_async=overrides or inspect.iscoroutinefunction(there))
