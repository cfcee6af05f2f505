"""Whether a pipeline makes sense as a whole: the rules that need more than one value to judge.

``read_and_check`` is what everybody calls: the importer, the command line and the tests. It imports
neither Airflow nor user code.
"""

from __future__ import annotations

import datetime as dt
import functools
import graphlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airfleet.errors import Problem, did_you_mean
from airfleet.pipelines import catalog, cron, modules, reader
from airfleet.pipelines.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS
from airfleet.pipelines.files import pipeline_files, project_root, read_text
from airfleet.pipelines.modules import Missing, Roots
from airfleet.pipelines.report import in_order, nearest
from airfleet.pipelines.spec import (
    CallableRef,
    FileText,
    OperatorRef,
    Pipeline,
    Task,
    Template,
    Timetable,
    Value,
    XCom,
)

__all__ = ["Checked", "check", "dag_ids", "pipeline_files", "project_root", "read_and_check"]


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

    A file that cannot be read is a problem, not an error. Never raises for any content.
    """
    text = read_text(path)
    if isinstance(text, Problem):
        return Checked((), (text,))
    reading = reader.read(text, str(path), variables=variables, environ=environ, only=only)
    problems = list(reading.problems)
    good = []
    for draft in reading.drafts:
        wrong = check(draft.pipeline, draft.wrong)
        problems.extend(wrong)
        if draft.good and not wrong:
            good.append(draft.pipeline)
    return Checked(tuple(good), in_order(problems), reading.dag_ids)


def dag_ids(path: Path, *, environ: Mapping[str, str], variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The ids of the Dags in a file, as far as they can be read, without making any of them."""
    text = read_text(path)
    if isinstance(text, Problem):
        return ()
    return reader.read(text, str(path), variables=variables, environ=environ, only="").dag_ids


def check(pipeline: Pipeline, wrong: frozenset[str] = frozenset()) -> tuple[Problem, ...]:
    """Every problem of one pipeline, in order of place.

    Nothing more is said about the values at the paths in ``wrong``, which have a problem already.
    """
    checking = _Checking(pipeline, wrong)
    _check_id("dag_id", pipeline.dag_id, "Dag", checking)
    _check_schedule(checking)
    _check_dates(checking)
    _check_callbacks("", pipeline.options, checking)
    _check_callbacks("defaults", pipeline.defaults, checking)
    _check_upstream(checking)
    for task in pipeline.tasks:
        _check_task(task, checking)
    return in_order(checking.problems)


@dataclass
class _Checking:
    """One pipeline under check, and the problems found so far."""

    pipeline: Pipeline
    wrong: frozenset[str]
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = Path(self.pipeline.file)
        self.folder = self.file.parent
        self.ids = frozenset(task.id for task in self.pipeline.tasks)

    @functools.cached_property
    def roots(self) -> Roots:
        return tuple(dict.fromkeys((str(project_root(self.file)), str(self.folder.absolute()))))

    def problem(self, path: str, sentence: str, hint: str | None = None) -> None:
        if path not in self.wrong:
            self.problems.append(Problem(self.pipeline.place(path), path, sentence, hint))


# -- ids, schedule, dates ----------------------------------------------------------------------

_ID = re.compile(r"[\w.-]+")
_LONGEST_ID: Final = 250


def _check_id(path: str, written: str, what: str, checking: _Checking) -> None:
    if written and not _ID.fullmatch(written):
        odd = "".join(dict.fromkeys(re.sub(r"[\w.-]", "", written)))
        hint = "letters, digits, '_', '-' and '.' can be used"
        checking.problem(path, f"the id of a {what} cannot contain '{odd}'", hint)
    elif len(written) > _LONGEST_ID:
        checking.problem(path, f"the id is {len(written)} characters long; Airflow takes {_LONGEST_ID}")


def _check_schedule(checking: _Checking) -> None:
    schedule = checking.pipeline.schedule
    if isinstance(schedule, Timetable):
        module, _, name = schedule.path.rpartition(".")
        found = modules.find(module, name, checking.roots) if module else Missing(schedule.path)
        if isinstance(found, Missing):
            checking.problem("schedule.uses", *_not_found(found, "timetable"))
        return
    if schedule is None:
        return
    if wrong := cron.problem_of(schedule):
        checking.problem("schedule", *wrong)
    elif schedule == "@continuous" and checking.pipeline.options.get("max_active_runs") != 1:
        checking.problem("schedule", "'@continuous' needs one run at a time", "add 'max_active_runs: 1'")


def _check_dates(checking: _Checking) -> None:
    pipeline = checking.pipeline
    _check_date_order("", pipeline.options, checking)
    for task in pipeline.tasks:
        own = {name: value for name, value in task.options.items() if f"{task.path}.{name}" in pipeline.places}
        _check_date_order(f"{task.path}.", own, checking)


def _check_date_order(prefix: str, options: Mapping[str, Value], checking: _Checking) -> None:
    start, end = options.get("start_date"), options.get("end_date")
    if isinstance(start, dt.datetime) and isinstance(end, dt.datetime) and _moment(start) > _moment(end):
        checking.problem(f"{prefix}end_date", f"is before the start_date, {start.date()}")


def _moment(value: dt.datetime) -> dt.datetime:
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _check_callbacks(prefix: str, options: Mapping[str, Value], checking: _Checking) -> None:
    for name, value in options.items():
        known = (TASK_ARGUMENTS if prefix else DAG_ARGUMENTS).get(name)
        path = f"{prefix}.{name}" if prefix else name
        if known is None or known.kind != "function" or path not in checking.pipeline.places:
            continue
        for written in value if isinstance(value, tuple) else (value,):
            module, _, function = str(written).partition(":")
            found = catalog.function(module, function, checking.roots)
            if isinstance(found, Missing):
                checking.problem(path, *_not_found(found, "function"))


# -- what waits for what -----------------------------------------------------------------------


def _check_upstream(checking: _Checking) -> None:
    for task in checking.pipeline.tasks:
        for index, needed in enumerate(task.needs):
            _check_reference(needed, task, f"{task.path}.needs[{index}]", checking)
        for path, value in _walk(task.args, f"{task.path}.with"):
            if isinstance(value, XCom):
                _check_reference(value.task, task, path, checking)
    for circle in _circles(checking.pipeline.tasks):
        task = checking.pipeline.task(circle[0])
        path = f"{task.path}.needs" if task.needs else task.path
        checking.problem(path, "the tasks wait for each other in a circle: " + " → ".join(circle))


def _check_reference(needed: str, task: Task, path: str, checking: _Checking) -> None:
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


# -- one task ----------------------------------------------------------------------------------


def _check_task(task: Task, checking: _Checking) -> None:
    _check_id(f"{task.path}.id", task.id, "task", checking)
    _check_callbacks(task.path, task.options, checking)
    for path, value in _walk(task.args, f"{task.path}.with"):
        if isinstance(value, Template) and isinstance(value.text, FileText):
            _check_file(value.text, path, checking)
        elif isinstance(value, FileText):
            _check_file(value, path, checking)
    if {f"{task.path}.uses", f"{task.path}.with"} & checking.wrong:
        return  # what it takes is not known
    if isinstance(task.uses, CallableRef):
        _check_function(task, task.uses, checking)
    elif isinstance(task.uses, OperatorRef):
        _check_operator(task, task.uses, checking)
    else:
        for name in task.args:
            path = f"{task.path}.with.{name}"
            checking.problem(path, "a task without 'uses' does no work and takes no arguments", "add 'uses'")


def _walk(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Every value that is no list or mapping, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")
    else:
        yield path, value


def _check_file(file: FileText, path: str, checking: _Checking) -> None:
    folder = checking.folder.resolve()
    try:
        target = (folder / file.path).resolve()
        if not target.is_relative_to(folder):
            checking.problem(path, f"'{file.path}' lies outside the folder of the pipeline")
        elif target.is_dir():
            checking.problem(path, f"'{file.path}' is a folder, not a file")
        elif not target.is_file():
            beside = [str(entry.relative_to(folder)) for entry in target.parent.glob("*")]
            checking.problem(
                path, f"there is no file '{file.path}' beside the pipeline", did_you_mean(file.path, beside)
            )
    except (OSError, ValueError):
        checking.problem(path, f"'{file.path}' is not the name of a file")


def _check_function(task: Task, uses: CallableRef, checking: _Checking) -> None:
    found = catalog.function(uses.module, uses.function, checking.roots)
    if isinstance(found, Missing):
        checking.problem(f"{task.path}.uses", *_not_found(found, "function"))
        return
    if not isinstance(found, catalog.Signature):
        return
    _check_names(task, uses.written, found, frozenset(), checking)
    for name in _not_given(task, found, frozenset()):
        if name not in catalog.CONTEXT_NAMES:
            checking.problem(task.path, f"{uses.written} needs '{name}'", f"write it under 'with' of '{task.id}'")


def _check_operator(task: Task, uses: OperatorRef, checking: _Checking) -> None:
    found = catalog.operator(uses.path, checking.roots)
    if isinstance(found, Missing):
        checking.problem(f"{task.path}.uses", *_not_found(found, "operator"))
        return
    if not isinstance(found, catalog.Operator):
        return
    if not found.is_operator:
        module, _, name = uses.path.rpartition(".")
        hint = f"a Python function is written {module}:{name}"
        checking.problem(f"{task.path}.uses", f"'{uses.written}' is not an operator", hint)
        return
    _check_names(task, uses.written, found.signature, frozenset(TASK_ARGUMENTS), checking)
    _check_markers(task, uses.written, found, checking)
    for name in _not_given(task, found.signature, frozenset(TASK_ARGUMENTS)):
        checking.problem(task.path, f"{uses.written} needs '{name}'", _needed_hint(name, task))


def _needed_hint(name: str, task: Task) -> str:
    if name == "python_callable":
        return "to run a Python function, write uses: module:function"
    return f"write it under 'with' of '{task.id}'"


def _check_names(
    task: Task, written: str, takes: catalog.Signature, elsewhere: frozenset[str], checking: _Checking
) -> None:
    """Names under ``with`` that are not taken. Those in ``elsewhere`` are judged by the reader."""
    if takes.open:
        return
    for name in _not_taken(task, takes, elsewhere):
        hint = did_you_mean(name, takes.parameters)
        checking.problem(f"{task.path}.with.{name}", f"{written} takes no argument '{name}'", hint)


def _not_taken(task: Task, takes: catalog.Signature, elsewhere: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in task.args if name not in takes.parameters and name not in elsewhere)


def _not_given(task: Task, takes: catalog.Signature, elsewhere: frozenset[str]) -> Iterator[str]:
    """Required names that are not there; a misspelt one is said once, at the place of the slip."""
    slips = {nearest(name, takes.parameters, 0.6) for name in _not_taken(task, takes, elsewhere)}
    for name in takes.required:
        if name not in task.args and name not in slips:
            yield name


def _check_markers(task: Task, written: str, found: catalog.Operator, checking: _Checking) -> None:
    fields = found.template_fields
    if fields is None:
        return
    for name, value in task.args.items():
        known = name in found.signature.parameters
        if name not in fields and known and any(_is_marker(inner) for _, inner in _walk(value, "")):
            names = ", ".join(sorted(fields))
            hint = f"{written} takes markers in {names}" if names else f"{written} takes no markers"
            checking.problem(f"{task.path}.with.{name}", f"'{name}' is not rendered, so it cannot hold a marker", hint)


def _is_marker(value: Value) -> bool:
    return isinstance(value, (Template, XCom, FileText))


def _not_found(missing: Missing, what: str) -> tuple[str, str | None]:
    """Sentence and hint for a module or name that is not installed."""
    if missing.name:
        hint = did_you_mean(missing.name, missing.known)
        return f"'{missing.module}' has no {what} '{missing.name}'", hint
    provider = _PROVIDER_MODULE.match(missing.module)
    if provider and not catalog.is_installed(provider[1]):
        hint = f"is apache-airflow-providers-{re.sub('[._]', '-', provider[1])} installed?"
    else:
        hint = did_you_mean(missing.module, missing.known)
    return f"there is no module '{missing.module}'", hint


_PROVIDER_MODULE = re.compile(r"airflow\.providers\.(\w+(?:\.\w+)??)\.(?:\w+\.)?(?:operators|sensors|transfers)\b")
