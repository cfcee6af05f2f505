"""Whether one task makes sense: its operator or function, their arguments, and the files it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airfleet.pipelines.analysis import catalog
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.checks.check_context import (
    MARKERS,
    Checking,
    check_id,
    markers_in,
    not_found,
)
from airfleet.pipelines.checks.limits import duration_misfit
from airfleet.pipelines.checks.named.objects import (
    check_function,
    check_objects,
    check_rendered_objects,
    must_be_rendered,
)
from airfleet.pipelines.checks.named.options import check_options
from airfleet.pipelines.checks.named.texts import check_file, check_jinja
from airfleet.pipelines.checks.refusals import check_sensor
from airfleet.pipelines.checks.uses.function_arguments import check_literals
from airfleet.pipelines.checks.uses.function_keys import check_function_keys
from airfleet.pipelines.checks.uses.hitl import check_question
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import CONTEXT_NAMES, TASK_ARGUMENTS
from airfleet.pipelines.language.spec import (
    CallableRef,
    FileText,
    JinjaText,
    NewObject,
    OperatorRef,
    Repeat,
    Task,
)
from airfleet.pipelines.language.values import misfit
from airfleet.pipelines.upgrade import imports
from airfleet.problem_codes import Code

_OF_EVERY_TASK: Final = frozenset(TASK_ARGUMENTS)


def check_task(task: Task, checking: Checking) -> None:
    """Note every problem of one task, but for what it waits for."""
    check_id(f"{task.path}.id", task.id, "task", checking)
    check_options(task.path, task.options, checking)
    for below, given in task.values:
        for path, value in markers_in(given, f"{task.path}.{below}"):
            if isinstance(value, JinjaText):
                check_jinja(value, path, checking)
            elif isinstance(value, FileText):
                check_file(value, path, checking)
        check_objects(given, f"{task.path}.{below}", checking)
    if {f"{task.path}.uses", f"{task.path}.with"} & checking.wrong:
        return  # what it takes is not known
    if isinstance(task.uses, CallableRef):
        _check_function(task, task.uses, checking)
    elif isinstance(task.uses, OperatorRef):
        _check_operator(task, task.uses, checking)
    else:
        for name in task.args:
            path = f"{task.path}.with.{name}"
            sentence = "a task without 'uses' does no work and takes no arguments"
            checking.problem(path, sentence, "add 'uses'", Code.ARGUMENT_WITHOUT_USES)


def _check_function(task: Task, uses: CallableRef, checking: Checking) -> None:
    found = checking.installed.function(uses.module, uses.function)
    if isinstance(found, MissingDefinition):
        missing = not_found(found, "function", checking.hints)
        checking.problem(f"{task.path}.uses", *missing, code=Code.NAME_NOT_FOUND)
        return
    check_rendered_objects(task, False, checking)
    check_function_keys(task, checking)
    if not isinstance(found, Signature):
        return
    _check_names(task, uses.written, found, frozenset(), checking)
    check_literals(task, found, checking)
    for name in _not_given(task, found, frozenset(), checking):
        if name not in CONTEXT_NAMES:
            hint = f"write it under 'with' of '{task.id}'"
            checking.problem(task.path, f"{uses.written} needs '{name}'", hint, Code.ARGUMENT_MISSING)


def _check_operator(task: Task, uses: OperatorRef, checking: Checking) -> None:
    if wrong := imports.gone(uses.path):
        checking.problem(f"{task.path}.uses", *wrong, code=Code.OPERATOR_GONE)
        return
    found = checking.installed.operator(imports.now(uses.path))
    if isinstance(found, MissingDefinition):
        sentence, hint = not_found(found, "operator", checking.hints)
        renamed = imports.renamed(uses.path)
        code = Code.OPERATOR_GONE if renamed else Code.NAME_NOT_FOUND
        checking.problem(f"{task.path}.uses", sentence, renamed or hint, code)
        return
    if not isinstance(found, catalog.Operator):
        return
    if not found.is_operator:
        module, _, name = uses.path.rpartition(".")
        hint = f"a Python function is written {module}:{name}"
        checking.problem(f"{task.path}.uses", f"'{uses.written}' is not an operator", hint, Code.NOT_AN_OPERATOR)
        return
    _check_names(task, uses.written, found.signature, _OF_EVERY_TASK, checking)
    _check_markers(task, uses.written, found, checking)
    check_rendered_objects(task, found.renders_objects, checking)
    _check_kinds(task, found.signature, checking)
    check_sensor(task, found.signature, checking)
    check_question(task, found.path, checking)
    for name in _not_given(task, found.signature, _OF_EVERY_TASK, checking):
        hint = _needed_hint(name, task)
        checking.problem(task.path, f"{uses.written} needs '{name}'", hint, Code.ARGUMENT_MISSING)


def _needed_hint(name: str, task: Task) -> str:
    if name == "python_callable":
        return "to run a Python function, write uses: module:function"
    return f"write it under 'with' of '{task.id}'"


def _check_names(task: Task, written: str, takes: Signature, elsewhere: frozenset[str], checking: Checking) -> None:
    """Names under ``with`` that are not taken. Those in ``elsewhere`` are judged by the reader."""
    if takes.open:
        return
    for name in _not_taken(task, takes, elsewhere):
        hint = checking.hints.did_you_mean(name, takes.parameters)
        if name in TASK_ARGUMENTS:
            hint = f"write '{name}' beside 'uses' and 'with', not under 'with'"
        sentence = f"{written} takes no argument '{name}'"
        checking.problem(_path_of(name, task), sentence, hint, Code.ARGUMENT_NOT_TAKEN)


def _path_of(name: str, task: Task) -> str:
    """Give the path of an argument that a task is given, by ``with`` or by ``expand``."""
    return f"{task.path}.with.{name}" if name in task.args else f"{task.path}.{task.below_expand(name)}"


def _given(task: Task) -> tuple[str, ...]:
    """List the names of the arguments that a task is given."""
    repeated = task.expand.values if task.expand is not None and task.expand.repeat is not Repeat.KWARGS else ()
    return (*task.args, *(name for name in repeated if name not in task.args))


def _not_taken(task: Task, takes: Signature, elsewhere: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in _given(task) if name not in takes.parameters and name not in elsewhere)


def _not_given(task: Task, takes: Signature, elsewhere: frozenset[str], checking: Checking) -> Iterator[str]:
    """Required names that are not there; a misspelt or misplaced one is said once, at the place of the slip."""
    given = _given(task)
    missing = [name for name in takes.required if name not in given and f"{task.path}.{name}" not in checking.wrong]
    if not missing or any(f"{task.path}.{key}" in checking.wrong for key in wrong_key_hints.HOLDING_ARGUMENTS):
        return
    if task.expand is not None and task.expand.repeat is Repeat.KWARGS:
        return  # it may give them
    slips = {checking.hints.nearest(name, takes.parameters) for name in _not_taken(task, takes, elsewhere)}
    yield from (name for name in missing if name not in slips)


def _check_markers(task: Task, written: str, found: catalog.Operator, checking: Checking) -> None:
    fields = found.template_fields
    if fields is None:
        return
    for name, value in task.args.items():
        known = name in found.signature.parameters
        if name not in fields and known and must_be_rendered(value):
            names = ", ".join(sorted(fields))
            hint = f"{written} takes markers in {names}" if names else f"{written} takes no markers"
            sentence = f"'{name}' is not rendered, so it cannot hold a marker"
            checking.problem(f"{task.path}.with.{name}", sentence, hint, Code.MARKER_PLACE)


def _check_kinds(task: Task, takes: Signature, checking: Checking) -> None:
    """Literals that cannot be what the operator's annotation asks for."""
    for name, kind in takes.kinds.items():
        value, path = task.args.get(name), f"{task.path}.with.{name}"
        if value is None or name not in takes.parameters or isinstance(value, (*MARKERS, NewObject)):
            continue
        if kind == "function":
            check_function(value, path, checking)
        elif wrong := misfit(value, kind) or (duration_misfit(value) if kind == "duration" else None):
            checking.problem(path, wrong, code=Code.ARGUMENT_TYPE)
