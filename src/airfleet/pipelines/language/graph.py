"""The tasks that each task waits for, with groups resolved as Airflow resolves them.

The first tasks of a group wait for what the group needs; who needs a group waits for its last tasks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from airfleet.pipelines.language.spec import Group, Part, Pipeline


def upstream(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """Give, for each task, the tasks that must be done before it, once each. Names of nothing are left out."""
    if not pipeline.groups:
        return {task.id: task.upstream for task in pipeline.tasks}
    return _Resolved(pipeline).upstream()


def around(group: str, groups: Mapping[str, Group]) -> Iterator[Group]:
    """Yield a group and those around it, from the inside out; ``groups`` are all of a pipeline by their ids."""
    seen: set[str] = set()
    while group in groups and group not in seen:  # an id that two groups have may be its own parent
        seen.add(group)
        yield groups[group]
        group = groups[group].parent


class _Resolved:
    """A pipeline's entries by the group in which they stand."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.tasks = {task.id: task for task in pipeline.tasks}
        self.groups = {group.id: group for group in pipeline.groups}
        #: entry → what it waits for, as it is written
        self.needs: dict[str, tuple[str, ...]] = {task.id: task.upstream for task in pipeline.tasks}
        self.needs |= {group.id: group.upstream for group in pipeline.groups}
        self.around: dict[str, str] = {task.id: task.group for task in pipeline.tasks}
        self.around |= {group.id: group.parent for group in pipeline.groups}
        self.within: Mapping[str, list[str]] = self._within()

    def _within(self) -> Mapping[str, list[str]]:
        """Give the tasks in each group, and in the groups in it."""
        found: dict[str, list[str]] = defaultdict(list)
        for task in self.tasks:
            for group in around(self.around[task], self.groups):
                found[group.id].append(task)
        return found

    def upstream(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {task: {} for task in self.tasks}
        for entry in sorted(self.needs, key=lambda one: -len([*around(self.around[one], self.groups)])):
            waiting = (entry,) if entry in self.tasks else self._first(entry, found)
            for needed in self.needs[entry]:
                done = (needed,) if needed in self.tasks else self._last(needed, found)
                for task in waiting:
                    found[task].update(dict.fromkeys(done))
        return {task: tuple(ups) for task, ups in found.items()}

    def _first(self, group: str, found: Mapping[str, Mapping[str, None]]) -> tuple[str, ...]:
        inside = set(self.within.get(group, ()))
        return tuple(task for task in self.within.get(group, ()) if inside.isdisjoint(found[task]))

    def _last(self, group: str, found: Mapping[str, Mapping[str, None]]) -> tuple[str, ...]:
        """Give the last tasks of a group. A teardown is none: the work before it is (``TaskGroup.get_leaves``)."""
        inside = self.within.get(group, ())
        within = frozenset(inside)
        waited_for = {up for task in inside for up in found[task]}
        last: dict[str, None] = {}
        pending = [task for task in reversed(inside) if task not in waited_for]
        seen: set[str] = set()
        while pending:
            task = pending.pop()
            if self.tasks[task].part is not Part.TEARDOWN:
                last[task] = None
            elif task not in seen:
                seen.add(task)
                pending += [up for up in found[task] if up in within and self.tasks[up].part is not Part.SETUP]
        return tuple(last)
