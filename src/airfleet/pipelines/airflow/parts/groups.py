"""Groups of tasks as Airflow's task groups, and what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow.sdk import TaskGroup
from airflow.sdk.definitions._internal.expandinput import DictOfListsExpandInput, ListOfDictsExpandInput
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airfleet.errors import did_you_mean
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, said_by
from airfleet.pipelines.airflow.parts import expansions
from airfleet.pipelines.airflow.parts.options import option
from airfleet.pipelines.language import ids
from airfleet.pipelines.language.graph import around
from airfleet.pipelines.language.spec import Group, Part, Repeat, Task
from airfleet.problem_codes import Code

#: key of a group → argument of Airflow's class
_ARGUMENTS: Final = {"display_name": "group_display_name"}


def add(group: Group, context: BuildContext) -> None:
    """Make the group in the context's Dag. The group around it and the tasks whose outputs repeat it must be there."""
    if wrong := ids.problem_of_group(group.name):
        context.wrong(f"{group.path}.group", *wrong, code=Code.ID)
        return
    given = {
        _ARGUMENTS.get(name, name): option(name, value, "", f"{group.path}.{name}", context)
        for name, value in group.options.items()
    }
    given |= {"group_id": group.name, "prefix_group_id": group.prefix, "dag": context.dag}
    given["parent_group"] = context.groups.get(group.parent, context.dag.task_group)
    before = len(context.problems)
    try:
        if group.expand is None:
            made = TaskGroup(**given)
        else:
            made = MappedTaskGroup(**given, expand_input=_input(group, context))
    except RAISED as error:  # of Airflow's validators
        context.wrong(group.path, said_by(error, "the group"))
        return
    if len(context.problems) == before:
        context.groups[group.id] = made


def _input(group: Group, context: BuildContext) -> Any:
    assert group.expand is not None
    made = expansions.items(group.expand, group.path, context, {})
    return DictOfListsExpandInput(made) if group.expand.repeat is Repeat.PRODUCT else ListOfDictsExpandInput(made)


# --- what waits for what


@dataclass(frozen=True)
class _Entry:
    """A task or group, with what it waits for."""

    id: str
    group: str
    upstream: tuple[str, ...]


def connect(context: BuildContext) -> None:
    """Let every task and group wait for what it needs.

    The first and last tasks of a group are those that wait for, and are waited for by, no other task in it. So tasks
    are connected before groups are, and inner groups before outer ones.
    """
    nodes: Mapping[str, Any] = {**context.built, **context.groups}
    entries = [*_entries(context)]
    for entry in entries:
        for needed in entry.upstream:
            if needed in context.built and entry.id in context.built:
                _wait(context.built[entry.id], context.built[needed])
    for entry in sorted(entries, key=lambda one: -len([*around(one.group, context.groups_by_id)])):
        for needed in entry.upstream:
            is_of_tasks = needed in context.built and entry.id in context.built
            if not is_of_tasks and needed in nodes and entry.id in nodes:
                nodes[needed].set_downstream(nodes[entry.id])  # as "needed >> entry" of a Dag in Python


def _entries(context: BuildContext) -> Iterator[_Entry]:
    for task in context.pipeline.tasks:
        yield _Entry(task.id, task.group, task.upstream)
    for group in context.pipeline.groups:
        yield _Entry(group.id, group.parent, group.upstream)


def _wait(task: Any, needed: Any) -> None:
    if needed.task_id not in task.upstream_task_ids:
        task.set_upstream(needed)


def take_parts(context: BuildContext) -> None:
    """Make tasks setups and teardowns, before groups ask for their last tasks: a teardown is none."""
    setups = {setup for task in context.pipeline.tasks for setup in task.setups}
    for task in context.pipeline.tasks:
        operator = context.built[task.id]
        if task.part is Part.SETUP or task.id in setups:
            operator.as_setup()  # type: ignore[no-untyped-call]
        if task.part is Part.TEARDOWN:
            operator.as_teardown(on_failure_fail_dagrun=task.fails_run or None)


def check_names(context: BuildContext) -> None:
    """Note names in ``needs`` that are neither a task nor a group."""
    known = {task.id for task in context.pipeline.tasks} | {group.id for group in context.pipeline.groups}
    entries: list[Task | Group] = [*context.pipeline.tasks, *context.pipeline.groups]
    for entry in entries:
        for needed in entry.needs:
            if needed not in known:
                context.wrong(
                    f"{entry.path}.needs",
                    f"there is no task '{needed}'",
                    did_you_mean(needed, known),
                    Code.UNKNOWN_TASK,
                )
