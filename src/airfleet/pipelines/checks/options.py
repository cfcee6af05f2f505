"""Arguments outside ``with`` that name something: callbacks, functions, classes, and files of documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from airfleet.pipelines.analysis.constructors import Maker
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.checks.callbacks import check_callback
from airfleet.pipelines.checks.check_context import Checking, markers_in, not_found
from airfleet.pipelines.checks.objects import check_function, check_objects
from airfleet.pipelines.checks.texts import check_file
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.spec import FileText, Value
from airfleet.problem_codes import Code
from airfleet.yaml.problems import joined

_Check: TypeAlias = Callable[[Value, str, Checking], None]


def check_options(prefix: str, options: Mapping[str, Value], checking: Checking) -> None:
    """Note what is named by the options written at ``prefix`` itself and is not there, or cannot be what is meant."""
    table = TASK_ARGUMENTS if prefix else DAG_ARGUMENTS
    for name, value in options.items():
        known, path = table.get(name), joined(prefix, name)
        check = _CHECKS.get(known.kind) if known else None
        if check is None or path not in checking.pipeline.places:
            continue
        if name == "post_execute":
            check_callback(value, path, checking, ("context", "result"))
        else:
            check(value, path, checking)


def _check_callbacks(value: Value, path: str, checking: Checking) -> None:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            check_callback(item, f"{path}[{index}]", checking)
    else:
        check_callback(value, path, checking)


def _check_functions(value: Value, path: str, checking: Checking) -> None:
    for name, item in value.items() if isinstance(value, Mapping) else ():
        if isinstance(item, str):
            check_function(item, f"{path}.{name}", checking)
        else:
            check_plain_objects(item, f"{path}.{name}", checking)


def check_plain_objects(value: Value, path: str, checking: Checking) -> None:
    """Note what is wrong with objects outside ``with``, where nothing is rendered."""
    check_objects(value, path, checking)
    for at, _marker in markers_in(value, path):
        sentence = "a marker such as $t is only read under 'with' of a task"
        checking.problem(at, sentence, "write the value itself", Code.MARKER_PLACE)


def _check_class(value: Value, path: str, checking: Checking) -> None:
    found = checking.installed.maker(str(value))
    if isinstance(found, MissingDefinition):
        checking.problem(path, *not_found(found, "class", checking.hints), code=Code.NAME_NOT_FOUND)
    elif isinstance(found, Maker) and (not found.is_class or (found.is_known and "Undefined" not in found.lineage)):
        hint = "write jinja2.Undefined, for example"
        checking.problem(path, f"'{value}' is not a class of undefined names", hint, Code.ARGUMENT_TYPE)


def _check_document(value: Value, path: str, checking: Checking) -> None:
    if isinstance(value, FileText):
        check_file(value, path, checking)


_CHECKS: Final[dict[ArgumentKind, _Check]] = {
    "callback": _check_callbacks,
    "hook": check_callback,
    "functions": _check_functions,
    "class": _check_class,
    "document": _check_document,
}
