"""Remarks about values of a pipeline that are allowed, but hardly meant. Nothing of it keeps a Dag from running."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.errors import Problem
from airfleet.pipelines.analysis import catalog
from airfleet.pipelines.checks.check_context import Installed
from airfleet.pipelines.checks.doubts import secrets, trigger_rules
from airfleet.pipelines.checks.doubts.source import Source
from airfleet.pipelines.checks.params import doubtful
from airfleet.pipelines.checks.uses import function_arguments
from airfleet.pipelines.language import cron
from airfleet.pipelines.language.arguments import CONTEXT_NAMES
from airfleet.pipelines.language.schedules import expressions
from airfleet.pipelines.language.spec import CallableRef, Callback, NewObject, OperatorRef, Pipeline, Task, Value
from airfleet.pipelines.upgrade.names import CONTEXT
from airfleet.problem_codes import Code
from airfleet.yaml.problems import joined

#: path, sentence, hint, kind
_Remark = tuple[str, str, str | None, Code]


def remarks_about(pipeline: Pipeline, installed: Installed, source: Source, now: dt.datetime) -> Iterator[Problem]:
    """Yield everything in one pipeline that its author should look at again."""
    for path, sentence, hint, code in _all(pipeline, installed, now):
        yield Problem(pipeline.place(path), path, sentence, hint, code)
    for path, sentence, hint, code in secrets.remarks(pipeline):
        place = pipeline.place(path)
        if not source.has_expression(place):
            yield Problem(place, path, sentence, hint, code)


def _all(pipeline: Pipeline, installed: Installed, now: dt.datetime) -> Iterator[_Remark]:
    for expression in expressions(pipeline.schedule):
        for sentence, hint in cron.doubts(expression.text):
            yield expression.path, sentence, hint, Code.CRON_DOUBT
    yield from _fixed_offsets(pipeline)
    yield from _far_start(pipeline, now)
    yield from _no_time(pipeline)
    yield from trigger_rules.remarks(pipeline)
    yield from _params("params", pipeline.options)
    yield from _params("defaults.params", pipeline.defaults)
    yield from _of_callbacks("", pipeline.options, pipeline)
    yield from _of_callbacks("defaults", pipeline.defaults, pipeline)
    for task in pipeline.tasks:
        yield from _of_callbacks(task.path, task.options, pipeline)
        yield from _params(f"{task.path}.params", task.options, pipeline)
        yield from _not_rendered(task, installed)
    yield from function_arguments.doubts(pipeline, installed)


# -- time zones


def _fixed_offsets(pipeline: Pipeline) -> Iterator[_Remark]:
    """Remark a date with an offset: its cron expressions have that offset for ever, in summer, too."""
    shifted = [
        one.text
        for one in expressions(pipeline.schedule)
        if (one.timezone or pipeline.timezone) is None and cron.has_time_of_day(one.text)
    ]
    for path, options in (("start_date", pipeline.options), ("defaults.start_date", pipeline.defaults)):
        moment = options.get("start_date")
        offset = moment.utcoffset() if isinstance(moment, dt.datetime) else None
        if offset and shifted:
            sentence = f"'{shifted[0]}' is at the offset {_offset_text(offset)} all year, also in summer time"
            hint = f"for the time of a place, write {cron.IN_A_ZONE.format('Europe/Berlin')}"
            yield path, sentence, hint, Code.FIXED_OFFSET
            return  # the first one that is there counts


def _offset_text(offset: dt.timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


# -- dates


#: nobody waits so long for a first run
_FAR: Final = dt.timedelta(days=366)


def _far_start(pipeline: Pipeline, now: dt.datetime) -> Iterator[_Remark]:
    """Starts that lie more than a year ahead: until then nothing runs."""
    tasks = ((task.path, task.options) for task in pipeline.tasks)
    for prefix, options in (("", pipeline.options), ("defaults", pipeline.defaults), *tasks):
        start, path = options.get("start_date"), joined(prefix, "start_date")
        if isinstance(start, dt.datetime) and path in pipeline.places and _is_far(start, now):
            yield path, f"nothing runs before {start.date()}, which is more than a year ahead", None, Code.FAR_START


def _is_far(start: dt.datetime, now: dt.datetime) -> bool:
    return start.replace(tzinfo=None) - now.replace(tzinfo=None) > _FAR  # hours of a zone do not matter


# -- durations


def _no_time(pipeline: Pipeline) -> Iterator[_Remark]:
    """Limits of no length, which let nothing come to its end."""
    if pipeline.options.get("dagrun_timeout") == dt.timedelta(0):
        yield "dagrun_timeout", "every run fails as soon as it is looked at", _NO_LIMIT, Code.NO_TIME
    for prefix, options in (("defaults", pipeline.defaults), *((task.path, task.options) for task in pipeline.tasks)):
        path = f"{prefix}.execution_timeout"
        if path in pipeline.places and options.get("execution_timeout") == dt.timedelta(0):
            yield path, "every try fails before it begins", _NO_LIMIT, Code.NO_TIME


_NO_LIMIT: Final = "leave it out for no limit"


# -- params


def _params(path: str, options: Mapping[str, Value], within: Pipeline | None = None) -> Iterator[_Remark]:
    params = options.get("params")
    if not isinstance(params, Mapping) or (within is not None and path not in within.places):
        return
    for name, key in doubtful(params):
        sentence = f"is taken as a mapping, not as the schema of a param, for its '{key}' is not of JSON Schema"
        hint = "for a mapping that looks like one, write {$const: {…}}"
        yield f"{path}.{name}", sentence, hint, Code.PARAM_DOUBT


# -- Jinja outside of $t


def _not_rendered(task: Task, installed: Installed) -> Iterator[_Remark]:
    for name in task.args:
        if not _would_be_rendered(name, task, installed):
            continue
        yield from _templates_in(task.args[name], f"{task.path}.with.{name}")


def _of_callbacks(prefix: str, options: Mapping[str, Value], pipeline: Pipeline) -> Iterator[_Remark]:
    """Remark text of callbacks, which a notifier in Python would render."""
    for name, value in options.items():
        path = joined(prefix, name)
        for at, one in _callbacks(value, path) if path in pipeline.places else ():
            yield from _templates_in(one.args, f"{at}.with")


def _callbacks(value: Value, path: str) -> Iterator[tuple[str, Callback]]:
    if isinstance(value, Callback):
        yield path, value
    elif isinstance(value, tuple):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value) if isinstance(item, Callback))


def _templates_in(value: Value, path: str) -> Iterator[_Remark]:
    for at, text in _texts(value, path):
        if found := template_in(text):
            sentence = f"'{found}' is not rendered: text stays as it is written"
            hint = 'write {$t: "…"} around the text to render it, or {$const: "…"} if it is meant so'
            yield at, sentence, hint, Code.NOT_RENDERED


def _would_be_rendered(name: str, task: Task, installed: Installed) -> bool:
    """Tell whether a Dag in Python would have this argument rendered."""
    if isinstance(task.uses, CallableRef):
        return True
    found = installed.operator(task.uses.path) if isinstance(task.uses, OperatorRef) else None
    return isinstance(found, catalog.Operator) and name in (found.template_fields or ())


def _texts(value: Value, path: str) -> Iterator[tuple[str, str]]:
    """Yield each text in a literal, with its path; a marker is none."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
    elif isinstance(value, NewObject):
        for at, item in value.parts(path):
            yield from _texts(item, at)


_NAME: Final = re.compile(r"\{\{-?\s{0,3}([A-Za-z_]\w{0,60})[^{}]{0,60}\}\}", re.ASCII)


def template_in(text: str) -> str | None:
    """Find the first ``{{ }}`` in a text that names something of Airflow's; ``${{ }}`` and others' templates are none.

    >>> template_in("echo {{ ds }} {{.State}}"), template_in("{{.State}} ${{ ds }} {{ name }}")
    ('{{ ds }}', None)
    """
    at = text.find("{{")
    while at >= 0:
        match = _NAME.match(text, at)
        if match and match[1] in _NAMES and not text.startswith("$", max(at - 1, 0), at or 1):
            return match[0]
        at = text.find("{{", at + 2)
    return None


_NAMES: Final = CONTEXT_NAMES | CONTEXT.keys()
