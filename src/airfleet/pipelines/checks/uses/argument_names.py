"""The names of arguments that a task is given, by ``with``, ``expand`` or ``expand_kwargs``: taken, and complete."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import TASK_ARGUMENTS
from airfleet.pipelines.language.spec import Repeat, Task
from airfleet.problem_codes import Code


def check_argument_names(
    task: Task, written: str, takes: Signature, elsewhere: Collection[str], checking: Checking, *, free: Collection[str]
) -> None:
    """Note names that are not taken, and required ones that are not there.

    Those in ``elsewhere`` are judged by the reader; those in ``free`` need not be given.
    """
    if not takes.open:
        for name, path in _not_taken(task, takes, elsewhere):
            hint = checking.hints.did_you_mean(name, takes.parameters)
            if name in TASK_ARGUMENTS:
                hint = f"write '{name}' beside 'uses' and 'with', not under 'with'"
            sentence = f"{written} takes no argument '{name}'"
            checking.problem(path, sentence, hint, Code.ARGUMENT_NOT_TAKEN)
    for name, path, hint in _not_given(task, takes, elsewhere, checking):
        if name not in free:
            checking.problem(path, f"{written} needs '{name}'", hint, Code.ARGUMENT_MISSING)


def _named(task: Task) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each argument that a task is given."""
    yield from ((name, f"{task.path}.with.{name}") for name in task.args)
    if task.expand is None:
        return
    if task.expand.repeat is not Repeat.KWARGS:
        repeated = (name for name in task.expand.values if name not in task.args)
        yield from ((name, f"{task.path}.{task.below_expand(name)}") for name in repeated)
    for index, given in enumerate(task.expand.sets):
        yield from ((name, f"{task.path}.expand_kwargs[{index}].{name}") for name in given)


def _not_taken(task: Task, takes: Signature, elsewhere: Collection[str]) -> list[tuple[str, str]]:
    return [(name, at) for name, at in _named(task) if name not in takes.parameters and name not in elsewhere]


def _not_given(
    task: Task, takes: Signature, elsewhere: Collection[str], checking: Checking
) -> Iterator[tuple[str, str, str]]:
    """Yield required names that are not there, where they are missed, and a hint.

    A misspelt or misplaced one is said once, at the place of the slip.
    """
    if any(f"{task.path}.{key}" in checking.wrong for key in wrong_key_hints.HOLDING_ARGUMENTS):
        return
    sets = [(*task.args, *names) for names in _sets(task)]
    slips = [_slips(names, takes, elsewhere, checking) for names in sets]
    for name in takes.required:
        if f"{task.path}.{name}" not in checking.wrong:
            without = [at for at, names in enumerate(sets) if name not in names and name not in slips[at]]
            yield from ((name, at, hint) for at, hint in _missed(name, task, without, len(sets)))


def _sets(task: Task) -> tuple[Collection[str], ...]:
    """Give the names that each run of a task has beside those under ``with``; nothing when a task decides them."""
    if task.expand is None or task.expand.repeat is not Repeat.KWARGS:
        return (task.expand.names if task.expand is not None else (),)
    return task.expand.sets


def _slips(names: Collection[str], takes: Signature, elsewhere: Collection[str], checking: Checking) -> set[str | None]:
    """List the arguments that are meant by names that are not taken."""
    wrong = (name for name in names if name not in takes.parameters and name not in elsewhere)
    return {checking.hints.nearest(name, takes.parameters) for name in wrong}


def _missed(name: str, task: Task, without: list[int], sets: int) -> Iterator[tuple[str, str]]:
    """Yield where an argument is missed: at the task, or at each set of arguments without it."""
    if task.expand is None or task.expand.repeat is not Repeat.KWARGS:
        yield from ((task.path, _hint(name, task)) for _ in without)
    elif len(without) == sets > 1:
        yield f"{task.path}.expand_kwargs", _hint(name, task)
    else:
        yield from ((f"{task.path}.expand_kwargs[{at}]", "write it in this set of arguments") for at in without)


def _hint(name: str, task: Task) -> str:
    if name == "python_callable":
        return "to run a Python function, write uses: module:function"
    return f"write it under 'with' of '{task.id}'"
