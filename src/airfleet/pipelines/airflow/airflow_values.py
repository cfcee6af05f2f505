"""Values of a pipeline as Airflow takes them: markers, durations, dates, and functions by their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pendulum
from airflow import settings
from airflow.sdk import XComArg, literal
from airflow.sdk.definitions._internal.expandinput import MappedArgument
from airflow.sdk.definitions.taskgroup import MappedTaskGroup
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

from airfleet.errors import did_you_mean
from airfleet.pipelines.airflow.build_context import BuildContext
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.airflow.new_objects import make
from airfleet.pipelines.analysis.annotations import items_in, kind_in, words_in
from airfleet.pipelines.checks.jinja import has_own_jinja, template_error
from airfleet.pipelines.files.named_files import located, outside
from airfleet.pipelines.language.environments import Late, as_text
from airfleet.pipelines.language.graph import around
from airfleet.pipelines.language.spec import Const, FileText, GroupItem, JinjaText, NewObject, Value, XCom
from airfleet.pipelines.language.values import FUNCTION, from_text, misfit, time_of_day
from airfleet.problem_codes import Code
from airfleet.yaml.durations import calendar_duration, parse_duration

RENDERED: Final = (JinjaText, XCom, GroupItem)
MARKERS: Final = (JinjaText, XCom, FileText, Const, GroupItem)


def has_marker(value: object, kinds: tuple[type, ...]) -> bool:
    """Tell whether a marker of one of these kinds stands anywhere in ``value``."""
    if isinstance(value, kinds):
        return True
    if isinstance(value, Mapping):
        return any(has_marker(item, kinds) for item in value.values())
    if isinstance(value, NewObject):
        return any(has_marker(item, kinds) for _, item in value.parts(""))
    return isinstance(value, tuple | list) and any(has_marker(item, kinds) for item in value)


def lower(value: Value, path: str, context: BuildContext, *, guard: bool) -> Any:
    """Convert a value's markers to what Airflow knows; literals are guarded from Jinja if asked."""
    if isinstance(value, XCom):
        return _output(value, path, context)
    if isinstance(value, GroupItem):
        return _item(value, path, context)
    if isinstance(value, JinjaText):
        return _jinja_text(value, path, context)
    if isinstance(value, FileText):
        return _guarded(text_of(value, path, context), guard)
    if isinstance(value, Const):
        return _guarded(unfrozen(value.value), guard)
    if isinstance(value, NewObject):
        return make(value, path, context, partial(_of_object, context=context, guard=guard))
    if isinstance(value, Mapping):
        return {key: lower(item, f"{path}.{key}", context, guard=guard) for key, item in value.items()}
    if isinstance(value, tuple):
        return [lower(item, f"{path}[{index}]", context, guard=guard) for index, item in enumerate(value)]
    return _guarded(value, guard)


def _of_object(
    value: Value, annotation: str, path: str, is_guarded: bool, *, context: BuildContext, guard: bool
) -> Any:
    """Convert an argument of an object: by its annotation if it is a literal; guarded from rendering if asked."""
    if has_marker(value, (*MARKERS, NewObject)):
        return lower(value, path, context, guard=guard and is_guarded)
    return _guarded(literal_argument(value, annotation, path, context), guard and is_guarded)


def environment(value: Value, path: str, context: BuildContext) -> Any:
    """Convert the environment of a process: literals become text now, values of later become text then."""
    if isinstance(value, RENDERED):
        return Late(lower(value, path, context, guard=False), whole=True)
    if not isinstance(value, Mapping):
        return lower(value, path, context, guard=True)
    is_late = has_marker(value, RENDERED)
    return {name: _variable(one, f"{path}.{name}", context, guard=is_late) for name, one in value.items()}


def _variable(value: Value, path: str, context: BuildContext, *, guard: bool) -> Any:
    lowered = lower(value, path, context, guard=False)
    if has_marker(value, RENDERED):
        return Late(lowered)
    return _guarded(as_text(lowered), guard)


def _guarded(value: Any, guard: bool) -> Any:
    """Guard ``value`` so that rendering its field gives it back unchanged."""
    return literal(value) if guard and isinstance(value, str | list | dict) else value


def _output(xcom: XCom, path: str, context: BuildContext) -> XComArg | None:
    operator = context.built.get(xcom.task)
    if operator is None:
        known = [task.id for task in context.pipeline.tasks]
        context.wrong(path, f"there is no task '{xcom.task}'", did_you_mean(xcom.task, known), Code.UNKNOWN_TASK)
        return None
    return XComArg(operator, key=xcom.key)


def _item(item: GroupItem, path: str, context: BuildContext) -> MappedArgument | None:
    """Give the item of the nearest group around the task that is repeated by an argument of this name."""
    for group in around(context.around, context.groups_by_id):
        made = context.groups.get(group.id)
        if group.expand and group.expand.may_give(item.name) and isinstance(made, MappedTaskGroup):
            return MappedArgument(input=made._expand_input, key=item.name)
    context.wrong(path, f"no group around this task is repeated by '{item.name}'", code=Code.EXPANSION)
    return None


def _jinja_text(rendered: JinjaText, path: str, context: BuildContext) -> str:
    text = text_of(rendered.text, path, context) if isinstance(rendered.text, FileText) else rendered.text
    if not has_own_jinja(context.pipeline) and (wrong := template_error(text)):
        context.wrong(path, wrong, code=Code.TEMPLATE_SYNTAX)
    return text


def text_of(file: FileText, path: str, context: BuildContext) -> str:
    """Read the text of a file of the project; an empty one, with a problem at ``path``, when that fails."""
    target = located(file.path, file.said_in or context.pipeline.file, context.root)
    if target is None:
        context.wrong(path, *outside(file.path, context.root), code=Code.TASK_FILE)
        return ""
    try:
        return target.read_text(encoding="utf-8")
    except OSError as error:
        sentence = f"'{file.path}' cannot be read: {(error.strerror or str(error)).lower()}"
        context.wrong(path, sentence, code=Code.TASK_FILE)
    except UnicodeDecodeError:
        context.wrong(path, f"'{file.path}' is not UTF-8 text", code=Code.TASK_FILE)
    return ""


def unfrozen(value: Any) -> Any:
    """Tuples as lists and mappings as dicts: Airflow and user code expect what YAML usually gives."""
    if isinstance(value, Mapping):
        return {key: unfrozen(item) for key, item in value.items()}
    return [unfrozen(item) for item in value] if isinstance(value, tuple | list) else value


# --- literals, as the annotation of their argument asks


def literal_argument(value: Value, annotation: str, path: str, context: BuildContext) -> Any:
    """Convert a literal under ``with`` by :func:`converted`, unless it cannot be what ``annotation`` asks for."""
    kind = kind_in(annotation)
    if value is not None and kind is not None and (wrong := misfit(value, kind)):
        context.wrong(path, wrong, code=Code.ARGUMENT_TYPE)
        return None
    return converted(value, annotation, path, context)


def converted(value: Value, annotation: str, path: str, context: BuildContext) -> Any:
    """Convert a literal to the value that ``annotation`` asks for; as it is, where the annotation says nothing plain.

    A function's name becomes the function, imported when it is called. Text becomes a duration, number or date;
    dates are in the pipeline's time zone, or Airflow's default one, unless they say otherwise.
    """
    if kind_in(annotation) == "function":
        return late_function(value, path, context) if value is not None else None
    return plainly_converted(value, annotation, context.zone)


def plainly_converted(value: Value, annotation: str, zone: Any = None) -> Any:
    """Convert a literal as :func:`converted` does, but for the names of functions.

    ``zone`` is that of dates that name none; without it, Airflow's default one.
    """
    kind = kind_in(annotation)
    if kind == "duration":
        return _as_duration(value, words_in(annotation))
    if kind in ("integer", "number", "boolean") and isinstance(value, str):
        return from_text(value, kind)
    if kind == "time" and isinstance(value, str):
        moment = time_of_day(value)
        return value if moment is None else moment
    words = words_in(annotation)
    if "timedelta" in words and "str" not in words and isinstance(value, str):
        return _as_duration(value, words)
    if words & _DATETIMES and isinstance(value, str | dt.date):
        return _as_datetime(value, zone)
    if isinstance(value, tuple) and items_in(annotation) & _DATETIMES:
        return [_as_datetime(item, zone) if isinstance(item, str | dt.date) else unfrozen(item) for item in value]
    if "date" in words and isinstance(value, str):
        return _parsed(dt.date.fromisoformat, value)
    return unfrozen(value)


_DATETIMES: Final = frozenset({"datetime", "DateTime"})


def late_function(value: Value, path: str, context: BuildContext) -> Any:
    """Wrap ``module:function`` (one, or a list) as functions that are imported when they are called."""
    if isinstance(value, tuple):
        return [late_function(item, f"{path}[{index}]", context) for index, item in enumerate(value)]
    if not (isinstance(value, str) and FUNCTION.fullmatch(value)):
        context.wrong(path, "must be the name of a function", "write module:function", Code.FUNCTION_NAME)
        return None
    module, _, function = value.partition(":")
    return LateFunction(module, function)


def _as_duration(value: Value, words: frozenset[str]) -> Any:
    if isinstance(value, str) and "relativedelta" in words and (months := calendar_duration(value)):
        return relativedelta(years=months[0], months=months[1], seconds=months[2].total_seconds())
    if isinstance(value, str):
        parsed = parse_duration(value)
        return value if parsed is None else parsed
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or words & {"float", "int"}:
        return value
    try:
        return dt.timedelta(seconds=value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):  # what takes it says that it is no duration
        return value


def _as_datetime(value: str | dt.date, zone: Any) -> Any:
    moment = _parsed(dt.datetime.fromisoformat, value) if isinstance(value, str) else value
    if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    return in_zone(moment, zone or settings.TIMEZONE)


def in_zone(moment: Any, zone: Any) -> Any:
    """Give a date that names no time zone in ``zone``, as Airflow itself reads one of a Dag in Python."""
    is_naive = isinstance(moment, dt.datetime) and moment.tzinfo is None
    return pendulum.instance(moment, zone) if is_naive else moment


def _parsed(parse: Callable[[str], dt.date], text: str) -> dt.date | str:
    """Parse a text, or return it as it is: a template or a word may be meant."""
    try:
        return parse(text)
    except ValueError:
        return text
