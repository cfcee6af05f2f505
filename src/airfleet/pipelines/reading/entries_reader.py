"""The entries of ``tasks``: tasks, and groups with entries of their own. All of them become flat lists."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.language.spec import Group, Task, Value
from airfleet.pipelines.reading.group_reader import GroupReader
from airfleet.pipelines.reading.names import Names, entry_path
from airfleet.pipelines.reading.task_reader import TaskReader
from airfleet.pipelines.reading.templates import Templates
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Sequence
from airfleet.yaml.problems import Report, joined

TOO_MANY_VALUES: Final = f"jobs and templates make more than {MAX_NODES:,} values of this file"
_Defaults = AbstractMapping[str, Value]


@dataclass
class EntriesReader:
    """Reads the tasks and groups of one pipeline."""

    templates: Templates
    names: Names
    report: Report
    tasks: list[Task] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    #: id → what has it, and the places of the entry and of its name
    _first: dict[str, tuple[str, Place, Place]] = field(default_factory=dict)

    def read(self, node: Node, path: str, defaults: _Defaults, group: Group | None = None) -> None:
        """Read the list at ``path``, whose entries stand in ``group`` and have these defaults."""
        self.report.places[path] = node.place
        if not isinstance(node, Sequence):
            self.report.problem(
                node, path, "must be a list of tasks", "begin each task with '- id: '", Code.WRONG_SHAPE
            )
            return
        if not node.items:
            whole = "a group" if group else "a pipeline"
            self.report.problem(node, path, f"{whole} needs at least one task", code=Code.EMPTY_VALUE)
        for index, item in enumerate(node.items):
            if self.report.budget.left < 0:
                self.report.problem(
                    item, path, TOO_MANY_VALUES, "write several files, or shorter templates", Code.FILE_LIMIT
                )
                return
            self._entry(item, path, index, defaults, group)

    def _entry(self, item: Node, path: str, index: int, defaults: _Defaults, group: Group | None) -> None:
        if not isinstance(item, Mapping):
            self.report.problem(
                item, f"{path}[{index}]", "a task must be a mapping with an 'id'", code=Code.WRONG_SHAPE
            )
        elif item.get("group") is not None and item.get("id") is None:
            self._group(item, entry_path(item.get("group"), path, index), defaults, group)
        else:
            self._task(item, entry_path(item.get("id"), path, index), defaults, group)

    def _task(self, item: Mapping, path: str, defaults: _Defaults, group: Group | None) -> None:
        self.report.places.setdefault(path, item.place)
        body = self.templates.merged(item, path)
        if body is not item:
            self.report.budget.take(body)
        task = TaskReader(item, body, path, self.report, group, self.names).read(defaults)
        self._note("task", task.id, path, item.get("id") or item)
        self.tasks.append(task)

    def _group(self, item: Mapping, path: str, defaults: _Defaults, around: Group | None) -> None:
        self.report.places.setdefault(path, item.place)
        group = GroupReader(item, path, self.report, around, self.names).read()
        self._note("group", group.id, path, item.get("group") or item)
        self.groups.append(group)
        tasks = item.get("tasks")
        if tasks is None:
            if not self.report.is_wrong(joined(path, "tasks")):
                self.report.problem(item, path, "the group has no 'tasks'", code=Code.MISSING_KEY)
        else:
            self.read(tasks, joined(path, "tasks"), {**defaults, **group.defaults}, group)

    def _note(self, what: str, whole: str, path: str, at: Node) -> None:
        if not whole:
            return
        if whole not in self._first:
            self._first[whole] = what, self.report.places[path], at.place
            return
        other, place, name = self._first[whole]
        hint = f"line {place.line} already has it"
        if name == at.place:
            hint = "write ${{ each }} into it, so that each repetition has an id of its own"
        both = f"two {what}s have" if other == what else "a group and a task have"
        key = "id" if what == "task" else "group"
        self.report.problem(at, joined(path, key), f"{both} the id '{whole}'", hint, Code.TASK_ID_TWICE)
