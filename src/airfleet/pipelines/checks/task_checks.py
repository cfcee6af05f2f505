"""Whether one task makes sense: its operator or function, their arguments, and the files it reads."""

from __future__ import annotations

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
from airfleet.pipelines.checks.uses.argument_names import check_argument_names
from airfleet.pipelines.checks.uses.function_arguments import check_literals
from airfleet.pipelines.checks.uses.function_keys import check_function_keys
from airfleet.pipelines.checks.uses.hitl import check_question
from airfleet.pipelines.checks.uses.sensors import check_sensor
from airfleet.pipelines.language.arguments import CONTEXT_NAMES, TASK_ARGUMENTS
from airfleet.pipelines.language.spec import (
    CallableRef,
    FileText,
    JinjaText,
    NewObject,
    OperatorRef,
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
    check_argument_names(task, uses.written, found, (), checking, free=CONTEXT_NAMES)
    check_literals(task, found, checking)


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
    check_argument_names(task, uses.written, found.signature, _OF_EVERY_TASK, checking, free=())
    _check_markers(task, uses.written, found, checking)
    check_rendered_objects(task, found.renders_objects, checking)
    _check_kinds(task, found.signature, checking)
    check_sensor(task, found.signature, found.path, checking)
    check_question(task, found.path, checking)


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
        if value is None and name in task.args and name in takes.required:
            checking.problem(path, "cannot be null", code=Code.EMPTY_VALUE)
        if value is None or name not in takes.parameters or isinstance(value, (*MARKERS, NewObject)):
            continue
        if kind == "function":
            check_function(value, path, checking)
        elif wrong := misfit(value, kind) or (duration_misfit(value) if kind == "duration" else None):
            checking.problem(path, wrong, code=Code.ARGUMENT_TYPE)
