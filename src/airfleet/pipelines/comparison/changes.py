"""Differences between two versions of pipelines, as people say them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Literal, TypeAlias

from airfleet.errors import Place
from airfleet.pipelines.comparison.shown_values import as_text, has_lines, shown, written
from airfleet.pipelines.language import graph, schedules
from airfleet.pipelines.language.spec import Group, Part, Pipeline, Task, Value

Kind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """One difference."""

    dag_id: str
    kind: Kind
    sentence: str
    #: in the newer file, or in the older one when it is gone
    place: Place
    #: more about it: lines of text that differ
    old: str = ""
    new: str = ""


def between(old: Sequence[Pipeline], new: Sequence[Pipeline]) -> tuple[Change, ...]:
    """List the differences of two versions; pipelines are the same when their ids are."""
    before, after = {one.dag_id: one for one in old}, {one.dag_id: one for one in new}
    renamed = _renamed(before, after)
    return tuple(
        change
        for dag_id in dict.fromkeys([*after, *(name for name in before if name not in renamed)])
        for change in _of_pipeline(before.get(renamed.get(dag_id, dag_id)), after.get(dag_id))
    )


def _renamed(before: Mapping[str, Pipeline], after: Mapping[str, Pipeline]) -> dict[str, str]:
    """Find a pipeline whose id alone is another one: new id → old id, and old id → old id."""
    gone = [one for name, one in before.items() if name not in after]
    made = [one for name, one in after.items() if name not in before]
    found: dict[str, str] = {}
    for one in made:
        same = [other for other in gone if {task.id for task in other.tasks} == {task.id for task in one.tasks}]
        if len(same) == 1 and len(made) == len(gone):
            found |= {one.dag_id: same[0].dag_id, same[0].dag_id: same[0].dag_id}
    return found


def _of_pipeline(old: Pipeline | None, new: Pipeline | None) -> Iterator[Change]:
    if new is None:
        assert old is not None
        yield Change(old.dag_id, "removed", f"pipeline '{old.dag_id}' is gone", old.place("dag_id"))
    elif old is None:
        count = f"{len(new.tasks)} {'task' if len(new.tasks) == 1 else 'tasks'}"
        yield Change(new.dag_id, "added", f"pipeline '{new.dag_id}' is new, with {count}", new.place("dag_id"))
    else:
        comparison = _Comparison(old, new)
        yield from comparison.of_the_whole()
        yield from comparison.of_groups()
        yield from comparison.of_tasks()


class _Comparison:
    """Two versions of one pipeline."""

    def __init__(self, old: Pipeline, new: Pipeline) -> None:
        self.old, self.new = old, new
        self.before = {task.id: task for task in old.tasks}
        self.after = {task.id: task for task in new.tasks}
        self.common = [name for name in self.after if name in self.before]

    def change(self, kind: Kind, sentence: str, path: str = "", old: str = "", new: str = "") -> Change:
        pipeline = self.old if kind == "removed" else self.new
        return Change(self.new.dag_id, kind, sentence, pipeline.place(path), old, new)

    # --- the whole

    def of_the_whole(self) -> Iterator[Change]:
        if self.old.dag_id != self.new.dag_id:
            said = f"pipeline '{self.old.dag_id}' is now called '{self.new.dag_id}': Airflow takes it for another one"
            yield self.change("changed", said, "dag_id")
        if not _same(self.old.schedule, self.new.schedule):
            yield self.change("changed", f"schedule changed {_schedules(self.old, self.new)}", "schedule")
        for name, before, after in _pairs(_options(self.old), _options(self.new)):
            yield self.value(name, before, after, name)

    def value(self, name: str, before: Value, after: Value, path: str) -> Change:
        """Say how one argument changed."""
        if before is None:
            return self.change("added", f"{name} is now {shown(after)}", path)
        if after is None:
            return self.change("removed", f"{name} is no longer set; it was {shown(before)}", path)
        if has_lines(before) or has_lines(after) or shown(before) == shown(after):
            return self.change("changed", f"{name} changed", path, as_text(before), as_text(after))
        return self.change("changed", f"{name} changed from {shown(before)} to {shown(after)}", path)

    # --- groups

    def of_groups(self) -> Iterator[Change]:
        before = {group.id: group for group in self.old.groups}
        after = {group.id: group for group in self.new.groups}
        for name, group in after.items():
            if name not in before:
                yield self.change("added", f"group '{name}' is new", group.path)
            else:
                yield from self.of_group(before[name], group)
        for name, group in before.items():
            if name not in after:
                yield self.change("removed", f"group '{name}' is gone", group.path)

    def of_group(self, old: Group, new: Group) -> Iterator[Change]:
        for name, before, after in _pairs(old.options, new.options):
            yield self.value(f"{name} of group '{new.id}'", before, after, f"{new.path}.{name}")
        if old.parent != new.parent:
            yield self.change("changed", f"group '{new.id}' {_moved(new.parent)}", new.path)
        if not _same(old.expand, new.expand):
            yield self.change("changed", f"group '{new.id}' {_repeated(old, new)}", f"{new.path}.expand")

    # --- tasks

    def of_tasks(self) -> Iterator[Change]:
        renamed = self.renamed()
        needs_before, needs_after = graph.upstream(self.old), graph.upstream(self.new)
        for name, task in self.after.items():
            if name in renamed:
                said = f"task '{renamed[name]}' is now called '{name}': Airflow takes it for another one"
                yield self.change("changed", said, task.path)
            elif name not in self.before:
                yield self.change("added", _new_task(task, needs_after.get(name, ())), task.path)
            else:
                yield from self.of_task(self.before[name], task)
                yield from self.of_needs(task, needs_before.get(name, ()), needs_after.get(name, ()), renamed)
        for name, task in self.before.items():
            if name not in self.after and name not in renamed.values():
                yield self.change("removed", f"task '{name}' is gone", task.path)
        yield from self.of_options()

    def renamed(self) -> dict[str, str]:
        """Find tasks whose id alone is another one: new id → old id."""
        gone = [task for name, task in self.before.items() if name not in self.after]
        found: dict[str, str] = {}
        for name, task in self.after.items():
            if name in self.before or task.uses is None:
                continue
            same = [one.id for one in gone if replace(one, id=name, path=task.path, needs=task.needs) == task]
            if len(same) == 1 and same[0] not in found.values():
                found[name] = same[0]
        return found

    def of_task(self, old: Task, new: Task) -> Iterator[Change]:
        if old.uses != new.uses:
            said = f"task '{new.id}' uses {shown(new.uses)} instead of {shown(old.uses)}"
            yield self.change("changed", said, f"{new.path}.uses")
        if old.group != new.group:
            yield self.change("changed", f"task '{new.id}' {_moved(new.group)}", new.path)
        if not _same(old.expand, new.expand):
            yield self.change("changed", f"task '{new.id}' {_repeated(old, new)}", f"{new.path}.expand")
        for name, before, after in _pairs(_of_function(old), _of_function(new)):
            yield self.value(f"{name} of task '{new.id}'", before, after, f"{new.path}.{name}")
        if old.part != new.part:
            parts = {Part.WORK: "no setup or teardown any more", Part.SETUP: "a setup", Part.TEARDOWN: "a teardown"}
            yield self.change("changed", f"task '{new.id}' is now {parts[new.part]}", new.path)
        if old.fails_run != new.fails_run:
            said = f"a failure of teardown '{new.id}' {'now fails' if new.fails_run else 'no longer fails'} the run"
            yield self.change("changed", said, f"{new.path}.teardown")
        for name, before, after in _pairs(old.args, new.args):
            yield self.value(f"{name} of task '{new.id}'", before, after, f"{new.path}.with.{name}")

    def of_needs(
        self, task: Task, before: Iterable[str], after: Iterable[str], renamed: Mapping[str, str]
    ) -> Iterator[Change]:
        known = {renamed.get(name, name) for name in after}
        added = [name for name in after if renamed.get(name, name) not in set(before)]
        lost = [name for name in before if name not in known]
        if added:
            yield self.change("changed", f"task '{task.id}' now needs {_names(added)}", f"{task.path}.needs")
        if lost:
            yield self.change("changed", f"task '{task.id}' no longer needs {_names(lost)}", f"{task.path}.needs")

    def of_options(self) -> Iterator[Change]:
        """Say each change of an argument once for all tasks that have it."""
        found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        values: dict[tuple[str, str, str], tuple[Value, Value]] = {}
        for task in self.common:
            for name, before, after in _pairs(self.options(self.old, task), self.options(self.new, task)):
                key = name, written(before), written(after)
                found[key].append(task)
                values[key] = before, after
        for key, tasks in found.items():
            path = f"{self.after[tasks[0]].path}.{key[0]}" if len(tasks) == 1 else f"defaults.{key[0]}"
            yield self.value(f"{key[0]} of {self.named(tasks)}", *values[key], path)

    def named(self, tasks: list[str]) -> str:
        if len(tasks) == len(self.common) > 1:
            return "all tasks"
        return f"task {_names(tasks)}" if len(tasks) == 1 else f"tasks {_names(tasks)}"

    def options(self, pipeline: Pipeline, name: str) -> Mapping[str, Value]:
        """Give the arguments of a task with the defaults that hold for it."""
        task = (self.before if pipeline is self.old else self.after)[name]
        return {**pipeline.defaults, **task.options}


def _schedules(old: Pipeline, new: Pipeline) -> str:
    """Write both schedules in a few words, or in full when these are the same."""
    before, after = (schedules.shown(one.schedule) or "none" for one in (old, new))
    if before == after:
        before, after = shown(old.schedule), shown(new.schedule)
    return f"from {before} to {after}"


def _pairs(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[tuple[str, Value, Value]]:
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if not _same(before, after):
            yield name, before, after


def _same(before: object, after: object) -> bool:
    """Tell whether two values are the same in a file; to Python, ``true`` and 1 are equal."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, (tuple, list)) and isinstance(after, (tuple, list)):
        return len(before) == len(after) and all(map(_same, before, after))
    if is_dataclass(before) and type(before) is type(after):
        names = [one.name for one in fields(before) if one.compare]
        return all(_same(getattr(before, name), getattr(after, name)) for name in names)
    return before == after


def _options(pipeline: Pipeline) -> Mapping[str, Value]:
    return {"timezone": pipeline.timezone, "python": pipeline.python, **pipeline.options}


def _of_function(task: Task) -> Mapping[str, Value]:
    """Give the keys that say where a function runs and what its answer decides."""
    found: dict[str, Value] = {}
    if task.isolation is not None:
        found["isolation"] = {task.isolation.kind: task.isolation.options}
    if task.role is not None:
        found[task.role.kind] = task.role.options or True
    return found


def _moved(group: str) -> str:
    return f"is now in group '{group}'" if group else "is in no group any more"


def _repeated(old: Task | Group, new: Task | Group) -> str:
    if new.expand is None:
        return "is no longer repeated"
    items = ", ".join(f"{name or 'arguments'} of {shown(value)}" for name, value in new.expand.values.items())
    return f"is {'now ' if old.expand is None else ''}repeated for each {items}"


def _new_task(task: Task, needs: Sequence[str]) -> str:
    uses = f" ({shown(task.uses)})" if task.uses is not None else ""
    return f"task '{task.id}'{uses} is new" + (f", after {_names(needs)}" if needs else "")


def _names(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
