"""Whether the arguments of a function are what the annotations of its parameters say, and outputs too.

A literal that certainly does not fit is a problem; what a function may cope with, and outputs of other functions, are
remarks: Python itself enforces no annotation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airfleet.pipelines.analysis.annotated_values import agrees, misfit
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.checks.check_context import Checking, Installed
from airfleet.pipelines.language.spec import CallableRef, Pipeline, Task, Value, XCom
from airfleet.problem_codes import Code


@dataclass(frozen=True)
class _Given:
    """One argument of a function: where it stands, its value, and what an annotation would say of that."""

    path: str
    value: Value
    annotation: str
    #: the annotation of the parameter; of an argument that is repeated, each item has it
    wanted: str


def check_literals(task: Task, takes: Signature, checking: Checking) -> None:
    """Note literals that cannot be what the function's annotations say."""
    for given in _given(task, takes):
        found = misfit(given.value, given.annotation)
        if found is not None and found.is_clear:
            sentence = f"must be {found.wanted}, not {found.shape}"
            checking.problem(f"{given.path}{found.path}", sentence, found.hint, Code.ARGUMENT_TYPE)


def _given(task: Task, takes: Signature) -> Iterator[_Given]:
    """Yield the arguments with an annotation; a mapping of items, by which a task may be repeated, is not judged."""
    for name, annotation in takes.annotations.items():
        if name in task.args:
            yield _Given(f"{task.path}.with.{name}", task.args[name], annotation, annotation)
        elif task.expand is not None and isinstance(task.expand.values.get(name), tuple | XCom):
            path = f"{task.path}.{task.below_expand(name)}"
            yield _Given(path, task.expand.values[name], f"list[{annotation}]", annotation)


def doubts(pipeline: Pipeline, installed: Installed) -> Iterator[tuple[str, str, str | None, Code]]:
    """Yield path, sentence, hint and code of each argument of a function that its annotation hardly means."""
    by_id = {task.id: task for task in _plain_tasks(pipeline)}
    for task in pipeline.tasks:
        takes = _signature(task, installed)
        for given in _given(task, takes) if takes else ():
            yield from _doubts(task, given, by_id, installed)


def _doubts(
    task: Task, given: _Given, by_id: dict[str, Task], installed: Installed
) -> Iterator[tuple[str, str, str | None, Code]]:
    assert isinstance(task.uses, CallableRef)
    found = misfit(given.value, given.annotation)
    if found is not None and not found.is_clear:
        sentence = f"is {found.shape}, but {task.uses.written} wants {found.wanted}"
        yield f"{given.path}{found.path}", sentence, found.hint, _DOUBT
    for output in _outputs(given.value):
        returned = _returned(by_id.get(output.task), installed)
        is_item = given.annotation != given.wanted
        if not agrees(returned, f"{given.annotation} | dict" if is_item else given.annotation):
            gives = "nothing" if returned == "None" else returned
            wanted = f"{given.wanted} of each item" if is_item else given.wanted
            yield given.path, f"'{output.task}' returns {gives}, but {task.uses.written} wants {wanted}", None, _DOUBT


_DOUBT: Final = Code.ARGUMENT_DOUBT


def _outputs(value: Value) -> tuple[XCom, ...]:
    """Give the output that is the whole argument."""
    return (value,) if isinstance(value, XCom) and value.key == "return_value" else ()


def _returned(task: Task | None, installed: Installed) -> str:
    """Give the annotation of what a task leaves; the empty text where it is not known."""
    found = _signature(task, installed) if task is not None else None
    return found.returns if found is not None else ""


def _plain_tasks(pipeline: Pipeline) -> Iterator[Task]:
    """Yield the tasks that leave what their function returns: a repeated one leaves all of it, others none."""
    repeated: set[str] = set()
    for group in pipeline.groups:  # those around a group come before it
        if group.expand is not None or group.parent in repeated:
            repeated.add(group.id)
    for task in pipeline.tasks:
        if task.expand is None and task.role is None and task.group not in repeated:
            yield task


def _signature(task: Task, installed: Installed) -> Signature | None:
    if not isinstance(task.uses, CallableRef):
        return None
    found = installed.function(task.uses.module, task.uses.function)
    return found if isinstance(found, Signature) else None
