"""How often a task is repeated when it runs (``expand``), and which copies of the tasks before it count for a copy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow.sdk.definitions.taskgroup import MappedTaskGroup
from airflow.sdk.definitions.xcom_arg import XComArg


def is_repeated(task: Any) -> bool:
    """Tell whether a task is repeated, by itself or with a group around it."""
    return task.is_mapped or any(True for _ in task.iter_mapped_task_groups())


def count(task: Any, context: Mapping[str, Any]) -> int:
    """Say how many copies of a repeated task there are. Raises what reading the output raises that repeats it."""
    inputs = [group._expand_input for group in task.iter_mapped_task_groups()]
    if task.is_mapped:
        inputs.append(task._get_specified_expand_input())
    return math.prod(_length(one, context) for one in inputs)


def _length(expand_input: Any, context: Mapping[str, Any]) -> int:
    value = expand_input.value
    if isinstance(value, Mapping):
        return math.prod(len(_resolved(one, context)) for one in value.values())
    return len(_resolved(value, context))


def _resolved(value: Any, context: Mapping[str, Any]) -> Any:
    found = value.resolve(context) if isinstance(value, XComArg) else value
    if found is None:
        raise ValueError("there is nothing to repeat it for: the output is missing")
    return found


def shares_copies(task: Any, other: Any) -> bool:
    """Tell whether copy *n* of a task waits for copy *n* of another: both stand in one repeated group."""
    own = {group.group_id for group in _groups(task)}
    return any(group.group_id in own for group in _groups(other)) and not other.is_mapped and not task.is_mapped


def _groups(task: Any) -> list[MappedTaskGroup]:
    return list(task.iter_mapped_task_groups())
