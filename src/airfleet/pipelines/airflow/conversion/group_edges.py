"""The tasks and groups that a task or group waits for, as people write them: a group, and not each task of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.sdk import TaskGroup


def needs_of_group(group: TaskGroup) -> list[str]:
    """List what a group as a whole waits for."""
    return sorted({*group.upstream_task_ids, *(name for name in group.upstream_group_ids if name)})


def needs_of_task(operator: Any, used: set[str]) -> list[str]:
    """List what a task waits for itself, but for the tasks whose output it uses."""
    groups = operator.dag.task_group.get_task_group_dict() if operator.dag is not None else {}
    needed = set(operator.upstream_task_ids) - used
    for group in _around(operator):
        if operator.task_id in {root.node_id for root in group.get_roots()}:
            needed -= {*group.upstream_task_ids, *_leaves(group.upstream_group_ids, groups)}
    before = {name for name, group in groups.items() if name and operator.task_id in group.downstream_task_ids}
    needed -= set(_leaves(before, groups))
    inside = operator.task_id.removesuffix(str(operator.label))
    return sorted([*before, *(name.removeprefix(inside) for name in needed)])


def _around(operator: Any) -> Iterator[TaskGroup]:
    group = operator.task_group
    while group is not None and not group.is_root:
        yield group
        group = group.parent_group


def _leaves(names: Any, groups: Any) -> Iterator[str]:
    for name in names:
        if name in groups:
            yield from (leaf.node_id for leaf in groups[name].get_leaves())
