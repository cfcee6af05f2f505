"""Arguments outside ``with`` that name something: callbacks, functions, classes, and files of documentation."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from airfleet.pipelines.analysis.constructors import Maker
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.checks.check_context import Checking, not_found
from airfleet.pipelines.checks.limits import duration_misfit
from airfleet.pipelines.checks.named.callbacks import AFTER_A_TASK, check_callback
from airfleet.pipelines.checks.named.deadlines import check_deadlines
from airfleet.pipelines.checks.named.objects import check_function, check_kind, check_plain_objects
from airfleet.pipelines.checks.named.texts import check_file
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.spec import FileText, NewObject, RetryPolicy, Value
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
            check_callback(value, path, checking, AFTER_A_TASK)
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


def _check_retry_policy(value: Value, path: str, checking: Checking) -> None:
    if not isinstance(value, RetryPolicy):
        check_plain_objects(value, path, checking)
        return
    for at, rule in value.parts(path):
        if isinstance(rule, NewObject):
            check_plain_objects(rule, at, checking)
            continue
        if rule.retry_delay is not None and (wrong := duration_misfit(rule.retry_delay)):
            checking.problem(f"{at}.retry_delay", wrong, code=Code.DURATION)
        for exception in rule.exceptions:
            found = checking.installed.maker(exception)
            if isinstance(found, MissingDefinition):
                problem = not_found(found, "error", checking.hints)
                checking.problem(f"{at}.exception", *problem, code=Code.NAME_NOT_FOUND)
            elif _is_no_error(exception, found):
                sentence = f"'{exception}' is no class of errors"
                checking.problem(f"{at}.exception", sentence, code=Code.ARGUMENT_TYPE)


def _is_no_error(path: str, found: object) -> bool:
    """Tell whether what a path names is certainly no class that can be raised."""
    module, _, name = path.rpartition(".")
    known = getattr(builtins, name, None) if module in ("", "builtins") else None
    if known is not None:
        return not (isinstance(known, type) and issubclass(known, BaseException))
    return isinstance(found, Maker) and not found.is_class


def _check_weight(value: Value, path: str, checking: Checking) -> None:
    check_plain_objects(value, path, checking)
    check_kind(value, "WeightStrategy", "strategy of priority weights", path, checking)


_CHECKS: Final[dict[ArgumentKind, _Check]] = {
    "callback": _check_callbacks,
    "hook": check_callback,
    "functions": _check_functions,
    "class": _check_class,
    "document": _check_document,
    "deadline": check_deadlines,
    "retry_policy": _check_retry_policy,
    "weight": _check_weight,
    "objects": check_plain_objects,
}
