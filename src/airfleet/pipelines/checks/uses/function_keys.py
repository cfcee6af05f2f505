"""Whether what stands beside a function makes sense: its container, and the tasks that a branch names."""

from __future__ import annotations

import os
from pathlib import Path

from airfleet.file_stamps import stamp
from airfleet.pipelines.analysis import catalog, short_names, well_known
from airfleet.pipelines.analysis.answers import answers
from airfleet.pipelines.checks.check_context import MARKERS, Checking, markers_in
from airfleet.pipelines.language.function_options import (
    CONTAINERS,
    MADE_OF_THE_FUNCTION,
    OF_THE_DECORATOR,
    PROVIDER_OF,
    is_file,
)
from airfleet.pipelines.language.spec import (
    CallableRef,
    Isolation,
    IsolationKind,
    JinjaText,
    NewObject,
    Task,
    Value,
    XCom,
)
from airfleet.pipelines.language.values import misfit
from airfleet.problem_codes import Code


def check_function_keys(task: Task, checking: Checking) -> None:
    """Note what is wrong with the isolation and the role of a function."""
    if task.isolation is not None and f"{task.path}.isolation" not in checking.wrong:
        _check_isolation(task.isolation, task, checking)
    if task.role is not None and task.role.kind == "branch" and isinstance(task.uses, CallableRef):
        _check_branch(task, task.uses, checking)


def _check_isolation(isolation: Isolation, task: Task, checking: Checking) -> None:
    if isolation.kind in CONTAINERS:
        _check_container(isolation, task, checking)
    requirements = isolation.options.get("requirements")
    if not isinstance(requirements, str) or not is_file(requirements):
        return
    file = Path(checking.pipeline.file)
    folders = (file.parent, checking.installed.root)
    for folder in folders:
        checking.installed.stamps.setdefault(str(folder / requirements), stamp(str(folder / requirements)))
    if not any(os.path.isfile(folder / requirements) for folder in folders):
        sentence = f"there is no file '{requirements}' beside the pipeline or in the project"
        checking.problem(f"{task.path}.isolation.venv", sentence, code=Code.TASK_FILE)


def _check_container(isolation: Isolation, task: Task, checking: Checking) -> None:
    path = f"{task.path}.isolation.{isolation.kind}"
    if not short_names.is_installed(PROVIDER_OF[isolation.kind]):
        missing = well_known.missing(PROVIDER_OF[isolation.kind])
        checking.problem(path, *missing, code=Code.UNKNOWN_OPERATOR)
        return
    image = isolation.options.get("image")
    if not image:
        checking.problem(path, "needs an image", "write its name, such as python:3.12", Code.ARGUMENT_MISSING)
    elif not isinstance(image, str | JinjaText | XCom):
        checking.problem(path, "must be the name of an image", "such as python:3.12", Code.ARGUMENT_TYPE)
    found = checking.installed.operator(CONTAINERS[isolation.kind])
    if isinstance(found, catalog.Operator):
        for option, value in isolation.options.items():
            at = f"{path}.{option}"
            at = at if at in checking.pipeline.places else f"{task.path}.isolation.{option}"
            if wrong := _option_problem(option, value, isolation.kind, found, checking):
                checking.problem(at, *wrong)


def _option_problem(
    option: str, value: Value, kind: IsolationKind, found: catalog.Operator, checking: Checking
) -> tuple[str, str | None, Code] | None:
    """Say why the operator of a container would not take an option, as (sentence, hint, code)."""
    if option in MADE_OF_THE_FUNCTION:
        return f"'{option}' is made of the function", "leave it out", Code.ARGUMENT_NOT_TAKEN
    known = {*found.signature.parameters, *OF_THE_DECORATOR[kind]}
    if option not in known:
        hint = checking.hints.did_you_mean(option, known - MADE_OF_THE_FUNCTION)
        return f"{found.path.rpartition('.')[2]} takes no argument '{option}'", hint, Code.ARGUMENT_NOT_TAKEN
    is_late = any(isinstance(marker, JinjaText | XCom) for _, marker in markers_in(value, ""))
    if is_late and option not in (found.template_fields or (option,)):
        return f"'{option}' is not rendered, so it cannot hold a marker", None, Code.MARKER_PLACE
    expected = found.signature.kinds.get(option)
    plain = value is not None and not isinstance(value, (*MARKERS, NewObject))
    if expected is not None and expected != "function" and plain and (wrong := misfit(value, expected)):
        return wrong, None, Code.ARGUMENT_TYPE
    return None


def _check_branch(task: Task, uses: CallableRef, checking: Checking) -> None:
    """Note tasks that a branch may name, though they are not there or do not come right after it."""
    path = f"{task.path}.uses"
    for answer in answers(uses.module, uses.function, checking.installed.roots):
        may_answer = f"'{uses.written}' may answer '{answer}'"
        if answer not in checking.ids and answer not in checking.groups:
            whole = f"{task.group}.{answer}"
            hint = f"answer '{whole}', its whole id" if whole in checking.ids else None
            hint = hint or checking.hints.did_you_mean(answer, checking.ids)
            checking.problem(path, f"{may_answer}, which is no task", hint, Code.BRANCH_ANSWER)
        elif not checking.groups and task.id not in checking.task(answer).upstream:
            hint = f"write needs: [{task.id}] at '{answer}'"
            sentence = f"{may_answer}, which does not come right after '{task.id}'"
            checking.problem(path, sentence, hint, Code.BRANCH_ANSWER)
