"""Whether a pipeline makes sense as a whole: the rules that need more than one value to judge.

``read_and_check`` is what everybody calls: the importer, the command line and the tests. It imports
neither Airflow nor user code.
"""

from __future__ import annotations

import datetime as dt
import graphlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import Problem, did_you_mean
from airfleet.pipelines import cron, expand, modules, reader
from airfleet.pipelines.checking import Checking, Installed, check_callbacks, check_id, markers_in, not_found
from airfleet.pipelines.files import pipeline_files, project_root, read_text
from airfleet.pipelines.limits import check_limits
from airfleet.pipelines.modules import Missing
from airfleet.pipelines.report import in_order
from airfleet.pipelines.spec import Pipeline, Task, Timetable, Value, XCom
from airfleet.pipelines.task_checks import check_task

__all__ = ["Checked", "check", "pipeline_files", "project_root", "read_and_check"]


@dataclass(frozen=True)
class Checked:
    """The good pipelines of a file and every problem in it.

    ``dag_ids`` also names Dags that have problems, as far as their ids could be read.
    """

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    dag_ids: tuple[str, ...] = ()


def read_and_check(
    path: Path,
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    only: str | None = None,
) -> Checked:
    """Read and check one file. With ``only``, no other Dag than the one with that id is made or checked.

    ``variables`` are the fleet's; a component of the fleet has them in its ``environ`` and leaves them out.
    A file that cannot be read is a problem, not an error. Never raises for any content.
    """
    text = read_text(path)
    if isinstance(text, Problem):
        return Checked((), (text,))
    if variables is None:
        variables = expand.variables(environ)
    reading = reader.read(text, str(path), variables=variables, environ=environ, only=only)
    problems = list(reading.problems)
    good = []
    installed = Installed(path)
    for draft in reading.drafts:
        wrong = check(draft.pipeline, installed, draft.wrong)
        problems.extend(wrong)
        if draft.good and not wrong:
            good.append(draft.pipeline)
    return Checked(tuple(good), in_order(problems), reading.dag_ids)


def check(pipeline: Pipeline, installed: Installed, wrong: frozenset[str] = frozenset()) -> tuple[Problem, ...]:
    """Every problem of one pipeline, in order of place.

    Nothing more is said about the values at the paths in ``wrong``, which have a problem already.
    """
    checking = Checking(pipeline, wrong, installed)
    check_id("dag_id", pipeline.dag_id, "Dag", checking)
    _check_schedule(checking)
    _check_dates(checking)
    check_callbacks("", pipeline.options, checking)
    check_callbacks("defaults", pipeline.defaults, checking)
    check_limits(checking)
    _check_upstream(checking)
    for task in pipeline.tasks:
        check_task(task, checking)
    return in_order(checking.problems)


def _check_schedule(checking: Checking) -> None:
    schedule = checking.pipeline.schedule
    if isinstance(schedule, Timetable):
        module, _, name = schedule.path.rpartition(".")
        found = modules.find(module, name, checking.installed.roots) if module else Missing(schedule.path)
        if isinstance(found, Missing):
            checking.problem("schedule.uses", *not_found(found, "timetable"))
        return
    if schedule is None:
        return
    if wrong := cron.problem_of(schedule):
        checking.problem("schedule", *wrong)
    elif schedule == "@continuous" and checking.pipeline.options.get("max_active_runs") != 1:
        checking.problem("schedule", "'@continuous' needs one run at a time", "add 'max_active_runs: 1'")


def _check_dates(checking: Checking) -> None:
    pipeline = checking.pipeline
    _check_date_order("", pipeline.options, checking)
    for task in pipeline.tasks:
        own = {name: value for name, value in task.options.items() if f"{task.path}.{name}" in pipeline.places}
        _check_date_order(f"{task.path}.", own, checking)


def _check_date_order(prefix: str, options: Mapping[str, Value], checking: Checking) -> None:
    start, end = options.get("start_date"), options.get("end_date")
    if isinstance(start, dt.datetime) and isinstance(end, dt.datetime) and _moment(start) > _moment(end):
        checking.problem(f"{prefix}end_date", f"is before the start_date, {start.date()}")


def _moment(value: dt.datetime) -> dt.datetime:
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _check_upstream(checking: Checking) -> None:
    for task in checking.pipeline.tasks:
        for index, needed in enumerate(task.needs):
            _check_reference(needed, task, f"{task.path}.needs[{index}]", checking)
        for path, value in markers_in(task.args, f"{task.path}.with"):
            if isinstance(value, XCom):
                _check_reference(value.task, task, path, checking)
    for circle in _circles(checking.pipeline.tasks):
        task = checking.pipeline.task(circle[0])
        path = f"{task.path}.needs" if task.needs else task.path
        checking.problem(path, "the tasks wait for each other in a circle: " + " → ".join(circle))


def _check_reference(needed: str, task: Task, path: str, checking: Checking) -> None:
    if needed == task.id:
        checking.problem(path, f"'{needed}' waits for itself")
    elif needed not in checking.ids:
        checking.problem(path, f"there is no task '{needed}'", did_you_mean(needed, checking.ids - {""}))


def _circles(tasks: Iterable[Task]) -> Iterator[tuple[str, ...]]:
    """Each circle as the ids along it, in the direction of the work, beginning where the file does."""
    order = [task.id for task in tasks]
    graph = {task.id: {name for name in task.upstream if name != task.id and name in order} for task in tasks}
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
            return
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1][:-1]
        start = min(range(len(circle)), key=lambda i: order.index(circle[i]))
        circle = [*circle[start:], *circle[:start]]
        yield (*circle, circle[0])
        for before, after in zip(circle, [*circle[1:], circle[0]], strict=True):
            graph[after].discard(before)
