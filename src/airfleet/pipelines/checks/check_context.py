"""The context of all checks: the pipeline under check, ids, functions, and markers with their paths."""

from __future__ import annotations

import datetime as dt
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airfleet.errors import Problem
from airfleet.file_stamps import Stamp
from airfleet.pipelines.analysis import catalog, short_names, well_known
from airfleet.pipelines.analysis.constructors import Maker, maker
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.analysis.modules import MissingDefinition, Unknown
from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.files.project_files import project_root
from airfleet.pipelines.language import ids
from airfleet.pipelines.language.spec import (
    Const,
    Deadline,
    FileText,
    Group,
    GroupItem,
    JinjaText,
    Marker,
    NewObject,
    Pipeline,
    Task,
    Value,
    XCom,
)
from airfleet.problem_codes import Code
from airfleet.provider_names import of_module
from airfleet.yaml.problems import Hints


class Installed:
    """The names that pipelines of one file can use: installed, or in their project. Each thing is looked up once."""

    def __init__(self, file: Path, root: Path | None = None) -> None:
        #: the project's folder
        self.root = root or project_root(file)
        self.roots: Roots = tuple(dict.fromkeys((str(self.root), str(file.parent.absolute()))))
        self.hints = Hints()
        #: of the files that tasks have read into them, as they were before
        self.stamps: dict[str, Stamp | None] = {}
        #: bytes of the files that tasks have read into them so far
        self.taken = 0
        #: patterns of params that took too long so far
        self.slow_patterns = 0
        self._beside: dict[Path, frozenset[str]] = {}
        self._operators: dict[str, catalog.Operator | MissingDefinition | Unknown] = {}
        self._functions: dict[tuple[str, str], Signature | MissingDefinition | Unknown] = {}
        self._makers: dict[str, Maker | MissingDefinition | Unknown] = {}

    @property
    def modules(self) -> frozenset[str]:
        """Return the modules of all names that were looked up."""
        paths = *self._operators, *self._makers
        return frozenset({*(module for module, _ in self._functions), *(path.rpartition(".")[0] for path in paths)})

    def files_in(self, folder: Path) -> frozenset[str]:
        """List the names in a folder."""
        if folder not in self._beside:
            try:
                self._beside[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._beside[folder] = frozenset()
        return self._beside[folder]

    def operator(self, path: str) -> catalog.Operator | MissingDefinition | Unknown:
        """Find the parameters of the operator at an import path."""
        if path not in self._operators:
            self._operators[path] = catalog.operator(path, self.roots)
        return self._operators[path]

    def function(self, module: str, name: str) -> Signature | MissingDefinition | Unknown:
        """Find the parameters of the Python function ``module:name``."""
        if (module, name) not in self._functions:
            self._functions[module, name] = catalog.function(module, name, self.roots)
        return self._functions[module, name]

    def maker(self, path: str) -> Maker | MissingDefinition | Unknown:
        """Find what the class or function at an import path takes to make an object."""
        if path not in self._makers:
            self._makers[path] = maker(path, self.roots)
        return self._makers[path]


@dataclass
class Checking:
    """One pipeline under check, and the problems found so far."""

    pipeline: Pipeline
    wrong: frozenset[str]
    installed: Installed
    #: of dates that name none
    zone: dt.tzinfo = dt.UTC
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hints = self.installed.hints
        self._tasks = {task.id: task for task in reversed(self.pipeline.tasks)}
        self.ids = frozenset(self._tasks)
        self.groups = {group.id: group for group in reversed(self.pipeline.groups)}
        #: ids of tasks and groups
        self.entries = self.ids.union(self.groups)
        self._sorted: list[str] | None = None
        #: each task, with the options that are written at the task itself, not in the defaults
        self.tasks_with_options = tuple((task, self._written(task)) for task in self.pipeline.tasks)

    def _written(self, task: Task) -> Mapping[str, Value]:
        places = self.pipeline.places
        return {name: value for name, value in task.options.items() if f"{task.path}.{name}" in places}

    def ids_below(self, name: str) -> tuple[str, ...]:
        """Give the ids that begin with ``name`` and a dot, as those of a group do elsewhere."""
        if self._sorted is None:
            self._sorted = sorted(self.ids)
        begin, end = bisect_left(self._sorted, f"{name}."), bisect_left(self._sorted, f"{name}/")  # '/' is after '.'
        return tuple(self._sorted[begin:end])

    def task(self, task_id: str) -> Task:
        """Find the first task with this id."""
        return self._tasks[task_id]

    def entry(self, entry_id: str) -> Task | Group:
        """Find the first task or group with this id."""
        return self._tasks.get(entry_id) or self.groups[entry_id]

    def problem(self, path: str, sentence: str, hint: str | None = None, code: Code = Code.REFUSED_VALUE) -> None:
        if path not in self.wrong:
            self.problems.append(Problem(self.pipeline.place(path), path, sentence, hint, code))


def check_id(path: str, written: str, what: ids.What, checking: Checking) -> None:
    """Note when Airflow would not take this id of a Dag or task."""
    if written and (wrong := ids.problem_of(written, what)):
        checking.problem(path, *wrong, code=Code.ID)


def not_found(missing: MissingDefinition, what: str, hints: Hints) -> tuple[str, str | None]:
    """Sentence and hint for a module or name that is not installed."""
    if missing.broken:
        return f"'{missing.module}' is not Python: {missing.broken}", None
    if missing.name:
        hint = hints.did_you_mean(missing.name, missing.known)
        return f"'{missing.module}' has no {what} '{missing.name}'", hint
    provider = of_module(missing.module)
    if provider and not short_names.is_installed(provider):
        return well_known.missing(provider)
    hint = hints.did_you_mean(missing.module, missing.known)
    return f"there is no module '{missing.module}'", hint


def markers_in(value: Value, path: str) -> Iterator[tuple[str, Marker]]:
    """Yield every marker in ``value``, with its path."""
    if isinstance(value, str):  # nearly all values; to ask for a mapping costs more
        return
    if isinstance(value, MARKERS):
        yield path, value
    elif isinstance(value, _HOLDERS):
        for at, item in _inside(value, path):
            yield from markers_in(item, at)


def objects_in(value: Value, path: str) -> Iterator[tuple[str, NewObject]]:
    """Yield every object to make in ``value``, with its path; those in it come after it."""
    if isinstance(value, NewObject):
        yield path, value
    if isinstance(value, _HOLDERS):
        for at, item in _inside(value, path):
            yield from objects_in(item, at)


def _inside(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Yield what a list, a mapping or an object holds, with its path, but for plain values: they hold nothing."""
    if isinstance(value, (NewObject, Deadline)):
        yield from value.parts(path)
    elif isinstance(value, dict):
        yield from ((f"{path}.{key}", item) for key, item in value.items() if isinstance(item, _NOT_PLAIN))
    elif isinstance(value, tuple):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value) if isinstance(item, _NOT_PLAIN))


MARKERS: Final = (JinjaText, XCom, FileText, Const, GroupItem)
_HOLDERS: Final = (dict, tuple, NewObject, Deadline)
#: Most values are plain; their paths need not be written out.
_NOT_PLAIN: Final = (*MARKERS, *_HOLDERS)
