"""Whether the arguments of a function are what the annotations of its parameters say, and outputs too.

A literal that certainly does not fit is a problem; what a function may cope with, and outputs of other functions, are
remarks: Python itself enforces no annotation.
"""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.pipelines.analysis.annotated_values import agrees, misfit
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.checks.check_context import Checking, Installed
from airfleet.pipelines.language.spec import CallableRef, Pipeline, Task, Value, XCom
from airfleet.problem_codes import Code


def check_literals(task: Task, takes: Signature, checking: Checking) -> None:
    """Note literals that cannot be what the function's annotations say."""
    for name, value in task.args.items():
        found = misfit(value, takes.annotations.get(name, ""))
        if found is not None and found.is_clear:
            path = f"{task.path}.with.{name}{found.path}"
            checking.problem(path, f"must be {found.wanted}, not {found.shape}", found.hint, Code.ARGUMENT_TYPE)


def doubts(pipeline: Pipeline, installed: Installed) -> Iterator[tuple[str, str, str | None, Code]]:
    """Yield path, sentence, hint and code of each argument of a function that its annotation hardly means."""
    by_id = {task.id: task for task in pipeline.tasks}
    for task in pipeline.tasks:
        takes = _signature(task, installed)
        for name, annotation in takes.annotations.items() if takes else ():
            if name in task.args:
                yield from _doubts(task, name, annotation, by_id, installed)


def _doubts(
    task: Task, name: str, annotation: str, by_id: dict[str, Task], installed: Installed
) -> Iterator[tuple[str, str, str | None, Code]]:
    assert isinstance(task.uses, CallableRef)
    value, path = task.args[name], f"{task.path}.with.{name}"
    found = misfit(value, annotation)
    if found is not None and not found.is_clear:
        yield (
            f"{path}{found.path}",
            f"is {found.shape}, but {task.uses.written} wants {found.wanted}",
            found.hint,
            Code.ARGUMENT_DOUBT,
        )
    for output in _outputs(value):
        returned = _returned(by_id.get(output.task), installed)
        if not agrees(returned, annotation):
            gives = "nothing" if returned == "None" else returned
            sentence = f"'{output.task}' returns {gives}, but {task.uses.written} wants {annotation}"
            yield path, sentence, None, Code.ARGUMENT_DOUBT


def _outputs(value: Value) -> tuple[XCom, ...]:
    """Give the output that is the whole argument."""
    return (value,) if isinstance(value, XCom) and value.key == "return_value" else ()


def _returned(task: Task | None, installed: Installed) -> str:
    """Give the annotation of what a task leaves; the empty text where it is not known."""
    found = _signature(task, installed) if task is not None else None
    return found.returns if found is not None else ""


def _signature(task: Task, installed: Installed) -> Signature | None:
    if not isinstance(task.uses, CallableRef):
        return None
    found = installed.function(task.uses.module, task.uses.function)
    return found if isinstance(found, Signature) else None
