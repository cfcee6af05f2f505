"""The cases of a test file beside their pipelines: names of tasks, jobs and arguments that are not there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from airfleet.errors import Problem, did_you_mean, listed
from airfleet.pipelines.cases.spec import Case
from airfleet.pipelines.checks.pipeline_checks import CheckedFile
from airfleet.pipelines.language.spec import Pipeline
from airfleet.problem_codes import Code


@dataclass(frozen=True)
class Ready:
    """A case with its pipeline."""

    case: Case
    pipeline: Pipeline


#: reads and checks a pipeline file
Reader: TypeAlias = Callable[[Path], CheckedFile]


def prepared(cases: Iterable[Case], read: Reader) -> tuple[tuple[Ready, ...], tuple[Problem, ...]]:
    """Find the pipeline of each case, and everything in a case that its pipeline does not have."""
    ready: list[Ready] = []
    problems: list[Problem] = []
    for case in cases:
        found = _pipeline(case, read)
        wrong = [found] if isinstance(found, Problem) else list(_wrong_names(case, found))
        problems += wrong
        if isinstance(found, Pipeline) and not wrong:
            ready.append(Ready(case, found))
    return tuple(ready), tuple(problems)


def _pipeline(case: Case, read: Reader) -> Pipeline | Problem:
    problem = partial(Problem, case.place("pipeline"), f"{case.path}.pipeline")
    if not os.path.isfile(case.pipeline):
        hint = "'pipeline' names it, beside the test file"
        return problem(f"there is no pipeline file {case.pipeline}", hint, code=Code.TASK_FILE)
    name = str(case.pipeline)
    checked = read(case.pipeline)
    if checked.problems or checked.foreign:
        first = checked.problems[0] if checked.problems else checked.foreign
        return problem(
            f"{name} is wrong: {first.sentence if first else ''}", f"airfleet check {name}", code=Code.TASK_FILE
        )
    wanted = [one for one in checked.pipelines if case.job is None or case.job in (one.job, one.dag_id)]
    if len(wanted) == 1:
        return wanted[0]
    known = [one.job or one.dag_id for one in checked.pipelines]
    if case.job is None:
        return problem(f"{name} makes {len(known)} Dags", f"'job' chooses one: {listed(known)}", code=Code.JOB)
    hint = did_you_mean(case.job, known) or f"it has {listed(known)}"
    return Problem(case.place("job"), f"{case.path}.job", f"{name} has no job '{case.job}'", hint, Code.JOB)


def _wrong_names(case: Case, pipeline: Pipeline) -> Iterator[Problem]:
    known = {task.id: task for task in pipeline.tasks}
    named = [(f"mocks.{name}", name) for name in case.mocks]
    named += [(expected.path, re.sub(r"\[\d+\]$", "", name)) for name, expected in case.expected.tasks.items()]
    named += [(f"expect.order[{index}]", name) for index, name in enumerate(case.expected.order)]
    for path, name in named:
        if name not in known:
            sentence = f"'{pipeline.dag_id}' has no task '{name}'"
            hint = did_you_mean(name, known) or f"it has {listed(list(known))}"
            yield Problem(case.place(path), f"{case.path}.{path}", sentence, hint, Code.UNKNOWN_TASK)
