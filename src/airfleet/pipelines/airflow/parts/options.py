"""Arguments outside ``with`` as Airflow takes them: callbacks, params, classes, documents, and plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction
from airflow.sdk.definitions import retry_policy

from airfleet.pipelines.airflow.airflow_values import (
    MARKERS,
    RENDERED,
    converted,
    has_marker,
    lower,
    text_of,
    unfrozen,
)
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.airflow.operator_classes import NotImported, imported
from airfleet.pipelines.airflow.parts.callbacks import late_callback, late_callbacks
from airfleet.pipelines.airflow.parts.deadlines import deadlines
from airfleet.pipelines.airflow.schedules.assets import assets
from airfleet.pipelines.checks.params import is_schema
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.spec import FileText, NewObject, RetryPolicy, RetryRule, Value
from airfleet.pipelines.language.values import FUNCTION
from airfleet.problem_codes import Code

_Convert: TypeAlias = Callable[[Value, str, BuildContext], Any]


def option(name: str, value: Value, annotation: str, path: str, context: BuildContext) -> Any:
    """Convert an argument outside ``with`` by its kind, else by its annotation."""
    known = TASK_ARGUMENTS.get(name) or DAG_ARGUMENTS.get(name)
    convert = _CONVERTERS.get(known.kind) if known else None
    if convert is not None:
        return convert(value, path, context)
    if has_marker(value, (NewObject,)) and not has_marker(value, RENDERED):
        return lower(value, path, context, guard=False)
    if has_marker(value, MARKERS):
        context.wrong(path, "a marker ($t, $x, $f, $const) stands only under 'with'", code=Code.MARKER_PLACE)
        return None
    return converted(value, annotation, path, context)


@dataclass(frozen=True)
class JinjaFunction(LateFunction):
    """A macro or filter of a Dag, imported when a text first uses it."""

    @property
    def jinja_pass_arg(self) -> Any:
        """Tell what Jinja passes to it; a function that wants nothing has no such attribute."""
        return self.load().jinja_pass_arg  # type: ignore[attr-defined]


def _functions(value: Value, path: str, context: BuildContext) -> Any:
    if not isinstance(value, Mapping):
        return None
    return {name: _function(item, f"{path}.{name}", context) for name, item in value.items()}


def _function(value: Value, path: str, context: BuildContext) -> Any:
    if isinstance(value, str) and FUNCTION.fullmatch(value):
        return JinjaFunction(*value.split(":", 1))
    return lower(value, path, context, guard=False)


def _class(value: Value, path: str, context: BuildContext) -> Any:
    try:
        return imported(str(value))
    except NotImported as error:
        context.wrong(path, error.sentence, error.hint, Code.NOT_IMPORTED)
        return None


def _document(value: Value, path: str, context: BuildContext) -> Any:
    return text_of(value, path, context) if isinstance(value, FileText) else value


def _params(value: Value, path: str, context: BuildContext) -> Any:
    if not isinstance(value, Mapping):
        return None
    return {key: _param(item, f"{path}.{key}", context) for key, item in value.items()}


def _param(value: Value, path: str, context: BuildContext) -> Any:
    """Return a value with its schema as Airflow keeps both; any other value as it is."""
    if is_schema(value):
        return Param(**unfrozen(value))
    return lower(value, path, context, guard=False)


def _lowered(value: Value, path: str, context: BuildContext) -> Any:
    return lower(value, path, context, guard=False)


def _retry_policy(value: Value, path: str, context: BuildContext) -> Any:
    if not isinstance(value, RetryPolicy):
        return _lowered(value, path, context)
    rules = [_rule(rule, at, context) for at, rule in value.parts(path)]
    return ExceptionRetryPolicy(rules=rules, default=RetryAction(value.default))


def _rule(value: RetryRule | NewObject, path: str, context: BuildContext) -> Any:
    if isinstance(value, NewObject):
        return _lowered(value, path, context)
    exceptions: Any = [*value.exceptions] if len(value.exceptions) > 1 else value.exceptions[0]
    return retry_policy.RetryRule(
        exception=exceptions,
        action=RetryAction(value.action),
        retry_delay=value.retry_delay,
        reason=value.reason,
        match_subclasses=value.match_subclasses,
    )


_CONVERTERS: Final[dict[ArgumentKind, _Convert]] = {
    "assets": assets,
    "callback": late_callbacks,
    "hook": late_callback,
    "functions": _functions,
    "class": _class,
    "document": _document,
    "params": _params,
    "deadline": deadlines,
    "retry_policy": _retry_policy,
    "weight": _lowered,
    "objects": _lowered,
}
