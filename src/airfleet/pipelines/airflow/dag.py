"""A :class:`Pipeline` becomes an Airflow Dag.

::

    Pipeline ─ Dag arguments ─→ DAG ─ tasks, upstream first ─→ operators ─ validate ─→ DAG or every problem

Nothing of the tasks is imported but their operator classes; Python functions are imported by
the task that runs them (:mod:`airfleet.pipelines.airflow.function_task`).
"""

from __future__ import annotations

import functools
import graphlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from airfleet.errors import FileProblems, did_you_mean
from airfleet.pipelines.airflow import operators
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, mentioned, message, said_by
from airfleet.pipelines.airflow.operator_classes import annotation, task_arguments
from airfleet.pipelines.airflow.parts import groups
from airfleet.pipelines.airflow.parts.options import option
from airfleet.pipelines.airflow.schedules import timetables
from airfleet.pipelines.checks.check_context import objects_in
from airfleet.pipelines.language import ids
from airfleet.pipelines.language.schedules import assets_in
from airfleet.pipelines.language.spec import (
    Asset,
    AssetSchedule,
    Group,
    OperatorRef,
    Pipeline,
    Task,
    Timetable,
    Value,
)
from airfleet.problem_codes import Code

#: said by the pipeline in its own words, or not for pipelines at all
_OURS = frozenset({"self", "dag_id", "schedule", "default_args", "auto_register", "task_group"})


def build(pipeline: Pipeline) -> DAG:
    """Build the Dag of ``pipeline``.

    Raises:
        FileProblems: with everything that is wrong in any of its tasks and arguments.
    """
    context = BuildContext(pipeline)
    context.dag = _empty_dag(context)
    groups.check_names(context)
    for entry in _upstream_first(context):
        if isinstance(entry, Task):
            operators.add(entry, context)
        else:
            groups.add(entry, context)
    if not context.problems:
        groups.take_parts(context)
        groups.connect(context)
        _validate(context)
    if context.problems:
        raise FileProblems(dict.fromkeys(context.problems))
    return context.dag


def _empty_dag(context: BuildContext) -> DAG:
    """Build the Dag without tasks; a bare one stands in when its arguments are wrong."""
    pipeline = context.pipeline
    wrong_id = ids.problem_of(pipeline.dag_id, "Dag")
    if wrong_id:
        context.wrong("dag_id", *wrong_id, code=Code.ID)
    given = _dag_arguments(context)
    if not context.problems:
        try:
            dag = DAG(pipeline.dag_id, **given)
        except RAISED as error:  # Airflow's validators raise of many kinds
            context.wrong(mentioned(error, pipeline.options) or "", said_by(error, "the Dag"))
        else:
            if pipeline.timezone is not None:
                dag.timezone = context.zone
            dag.fileloc = str(Path(pipeline.file).absolute())
            return dag
    return DAG("stand-in" if wrong_id else pipeline.dag_id)


def _dag_arguments(context: BuildContext) -> dict[str, Any]:
    pipeline = context.pipeline
    given: dict[str, Any] = {
        "schedule": timetables.schedule(pipeline.schedule, "schedule", context),
        "default_args": _defaults(context),
    }
    for name, value in pipeline.options.items():
        if name not in dag_arguments():
            context.wrong(name, f"a pipeline has no '{name}'", did_you_mean(name, dag_arguments()), Code.UNKNOWN_KEY)
        else:
            given[name] = option(name, value, dag_arguments()[name], name, context)
    given.setdefault("doc_md", given.get("description"))
    return given


@functools.cache
def dag_arguments() -> Mapping[str, str]:
    """Names and annotations of what a Dag takes beside its id, schedule and tasks."""
    parameters = inspect.signature(DAG.__init__).parameters.values()
    return {p.name: annotation(p) for p in parameters if p.name not in _OURS}


def _defaults(context: BuildContext) -> dict[str, Any]:
    """Return ``defaults`` as default_args: whatever the operators of the pipeline may take."""
    known = task_arguments()
    return {
        name: option(name, value, known.get(name, ""), f"defaults.{name}", context)
        for name, value in context.pipeline.defaults.items()
    }


def _upstream_first(context: BuildContext) -> tuple[Task | Group, ...]:
    """List tasks and groups in an order in which every output that is used, and every group around, exists already."""
    pipeline = context.pipeline
    entries: dict[str, Task | Group] = {group.id: group for group in pipeline.groups}
    entries |= {task.id: task for task in pipeline.tasks}
    graph = {task.id: [task.group, *task.upstream] for task in pipeline.tasks}
    graph |= {group.id: [group.parent, *group.outputs] for group in pipeline.groups}
    is_group = {group.id for group in pipeline.groups}
    known = {
        name: [up for up in ups if up in entries and (up not in is_group or up == ups[0])]
        for name, ups in graph.items()
    }
    try:
        return tuple(entries[name] for name in graphlib.TopologicalSorter(known).static_order())
    except graphlib.CycleError as error:
        cycle = list(reversed(error.args[1]))
        sentence = "the tasks wait for each other: " + " → ".join(cycle)
        context.wrong(f"{entries[cycle[0]].path}.needs", sentence, code=Code.CIRCLE)
        return ()


def _validate(context: BuildContext) -> None:
    """Run Airflow's own checks of a new Dag, and say each problem at its place."""
    try:
        context.dag.validate()
    except RAISED as error:
        if wrong := _schedule_error(context.dag):
            context.wrong("schedule", f"the schedule is wrong: {wrong}", code=Code.SCHEDULE)
        else:
            context.wrong("", f"Airflow refuses the Dag: {message(error)}")


def check_stored(dag: DAG, pipeline: Pipeline) -> None:
    """See that Airflow can store the Dag. Only what users' own classes make, and timetables, is ever at fault.

    Raises:
        FileProblems: it cannot.
    """
    foreign = [task for task in pipeline.tasks if _is_foreign(task)]
    foreign_schedule = isinstance(pipeline.schedule, (AssetSchedule, Timetable))
    if not foreign and not foreign_schedule and not _has_foreign_objects(pipeline.options):
        return
    try:
        _serialize(dag)
    except RAISED as error:  # of any kind: it is raised by what cannot be stored
        context = BuildContext(pipeline)
        path, what = _not_stored(dag, pipeline, foreign)
        hint = f"{type(error).__name__}: {message(error)}"
        sentence = f"Airflow cannot store {what} of Dag '{pipeline.dag_id}'"
        context.wrong(path, sentence, hint, Code.NOT_STORABLE)
        raise FileProblems(context.problems) from None


def _is_foreign(task: Task) -> bool:
    """Tell whether a task has something that only users' own classes make."""
    is_own = isinstance(task.uses, OperatorRef) and not task.uses.path.startswith("airflow.")
    watched = assets_in((task.options.get("inlets"), task.options.get("outlets")))
    has_watchers = any(isinstance(asset, Asset) and asset.watchers for asset in watched)
    return is_own or has_watchers or _has_foreign_objects({**task.options, **task.args})


def _has_foreign_objects(values: Mapping[str, Value]) -> bool:
    return any(not made.path.startswith("airflow.") for _, made in objects_in(dict(values), ""))


def _not_stored(dag: DAG, pipeline: Pipeline, foreign: list[Task]) -> tuple[str, str]:
    """Find the path and name of the part that cannot be stored: the schedule, a task, or unknown."""
    foreign_schedule = isinstance(pipeline.schedule, (AssetSchedule, Timetable))
    if foreign_schedule and not _can_be_stored(lambda: DAG("part", schedule=dag.schedule)):
        return "schedule", "the schedule"
    if not _can_be_stored(lambda: DAG("part", deadline=dag.deadline)):
        return "deadline", "the deadline"
    for task in foreign:
        if not _can_be_stored(functools.partial(dag.partial_subset, [task.id], include_upstream=False)):
            return task.path, f"task '{task.id}'"
    return "", "a part"


def _can_be_stored(part: Callable[[], DAG]) -> bool:
    try:
        _serialize(part())
    except RAISED:
        return False
    return True


def _serialize(dag: DAG) -> None:
    from airflow.serialization.serialized_objects import (
        DagSerialization,  # late: the process of a task has no use of it
    )

    DagSerialization.to_dict(dag)


def _schedule_error(dag: DAG) -> str | None:
    try:
        dag.timetable.validate()
    except RAISED as error:
        return message(error)
    return None
