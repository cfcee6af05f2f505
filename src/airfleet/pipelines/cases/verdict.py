"""The judgement of a case: each expectation that was not met, at its place in the test file."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.errors import Problem, did_you_mean
from airfleet.pipelines.cases.comparison import difference, missing_part
from airfleet.pipelines.cases.spec import UNSET, Case, ExpectedTask, Outcome, TaskOutcome

#: states of tasks that fail a run
_FAILURES = ("failed", "upstream_failed")


def unmet(case: Case, outcome: Outcome) -> tuple[Problem, ...]:
    """List every expectation of ``case`` that ``outcome`` does not meet."""
    return tuple(
        Problem(case.place(path), f"{case.path}.{path}", sentence, hint) for path, sentence, hint in _all(case, outcome)
    )


def _all(case: Case, outcome: Outcome) -> Iterator[tuple[str, str, str | None]]:
    yield from _of_run(case, outcome)
    for name, expected in case.expected.tasks.items():
        task = _found(name, outcome)
        if task is None:
            yield expected.path, f"task '{name}' did not take part", did_you_mean(name, outcome.tasks)
        else:
            yield from ((path, sentence, None) for path, sentence in _of_task(name, expected, task, _why(outcome)))
    yield from ((path, sentence, None) for path, sentence in _of_order(case, outcome))


def _of_run(case: Case, outcome: Outcome) -> Iterator[tuple[str, str, str | None]]:
    wanted = case.expected.run or ("success" if not _expects_failure(case) else None)
    if wanted is None or wanted == outcome.state:
        return
    hint = None if case.expected.run else "expect: {run: failed} if that is right"
    yield "expect.run", f"the run ended as '{outcome.state}', not '{wanted}'{_why(outcome)}", hint


def _expects_failure(case: Case) -> bool:
    return any(task.state in _FAILURES or task.error for task in case.expected.tasks.values())


def _why(outcome: Outcome) -> str:
    failed = [(name, task) for name, task in outcome.tasks.items() if task.state == "failed"]
    return f": task '{failed[0][0]}' failed with {failed[0][1].error}" if failed else ""


def _found(name: str, outcome: Outcome) -> TaskOutcome | None:
    """Find a task, or the copy that ``name[0]`` means."""
    task, bracket, index = name.rstrip("]").rpartition("[")
    if not bracket or name in outcome.tasks:
        return outcome.tasks.get(name)
    copies = outcome.tasks[task].copies if task in outcome.tasks else ()
    return copies[int(index)] if index.isdecimal() and int(index) < len(copies) else None


def _of_task(name: str, expected: ExpectedTask, task: TaskOutcome, failure: str) -> Iterator[tuple[str, str]]:
    path = expected.path
    if expected.state is not None and expected.state != task.state:
        why = f" with {task.error}" if task.error else ""
        after = failure if task.state == "upstream_failed" else ""
        yield f"{path}.state", f"task '{name}' ended as '{task.state}'{why}, not '{expected.state}'{after}"
    if expected.returns is not UNSET and (said := difference(expected.returns, task.returned)):
        yield f"{path}.returns", f"task '{name}' returned {said}"
    if expected.contains is not UNSET and (said := missing_part(expected.contains, task.returned)):
        yield f"{path}.contains", f"task '{name}' returned {said}"
    if expected.error is not None and expected.error not in (task.error or ""):
        had = f"failed with {task.error}" if task.error else "had no error"
        yield f"{path}.error", f"task '{name}' {had}, not with '{expected.error}'"
    if expected.tries is not None and expected.tries != task.tries:
        yield f"{path}.tries", f"task '{name}' had {task.tries} tries, not {expected.tries}"
    if expected.copies is not None and expected.copies != len(task.copies):
        yield f"{path}.copies", f"task '{name}' had {len(task.copies)} copies, not {expected.copies}"
    yield from _of_outputs(name, expected, task)
    yield from _of_rendered(name, expected, task)


def _of_outputs(name: str, expected: ExpectedTask, task: TaskOutcome) -> Iterator[tuple[str, str]]:
    for key, value in expected.outputs.items():
        path = f"{expected.path}.outputs.{key}"
        if key not in task.outputs:
            yield path, f"task '{name}' has no output '{key}'"
        elif said := difference(value, task.outputs[key]):
            yield path, f"output '{key}' of task '{name}' is {said}"


def _of_rendered(name: str, expected: ExpectedTask, task: TaskOutcome) -> Iterator[tuple[str, str]]:
    for argument, value in expected.rendered.items():
        path = f"{expected.path}.rendered.{argument}"
        if argument not in task.rendered:
            yield path, f"task '{name}' did not get as far as its argument '{argument}' (it is '{task.state}')"
        elif said := difference(value, task.rendered[argument]):
            yield path, f"'{argument}' of task '{name}' was {said}"


def _of_order(case: Case, outcome: Outcome) -> Iterator[tuple[str, str]]:
    wanted = case.expected.order
    began = [name for name in outcome.order if name in wanted]
    if wanted and tuple(began) != wanted:
        yield "expect.order", f"the tasks began in the order {', '.join(began) or 'of none'}"
