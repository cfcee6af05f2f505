"""The tasks of a run that can start, told from the states of its tasks without loading them.

Airflow's own look at a run loads every task instance and checks each that waits. While 500 of 1,000 tasks run and one
waits for all of them, it finds each time that nothing can start. In a chain of ten it finds that the next task can
start and eight cannot. This module tells it only where it is certain; in every doubt Airflow looks for itself.

It is certain of a task that waits

- for all its upstream tasks, by its trigger rule, none of which failed, was skipped or removed:
  it *stays* as it is while one of them has not ended, and *can start* when all have ended well;
- while neither it nor anything above it decides in other ways: no mapping of its own, no branching, no setup that
  failed;
- and, if it is to start, nothing else decides about that: not the runs before, no dependency of its own, no trigger
  that it begins with; nor is it of the kind that never runs.

Something must be under way or start: else the run has ended, or stands still.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: an attempt is coming, runs, or waits for a trigger
_UNDER_WAY = frozenset({"scheduled", "queued", "running", "restarting", "deferred", "awaiting_input"})
#: may be scheduled again when its time has come
_TIMED = frozenset({"up_for_retry", "up_for_reschedule"})
_WAITING_FOR_ALL = frozenset({"all_success", "all_done", "none_failed", "none_failed_min_one_success"})
#: the dependencies that every task has
_USUAL = frozenset(
    {"MappedTaskUpstreamDep", "NotInRetryPeriodDep", "NotPreviouslySkippedDep", "PrevDagrunDep", "TriggerRuleDep"}
)


def startable(dag: Any, states: Iterable[tuple[str, str | None]]) -> frozenset[str] | None:
    """Return the tasks of a run of this (serialized) Dag that can start now; None when Airflow has to look.

    ``states`` are task ids and states of every task instance that did not succeed.
    """
    waiting: set[str] = set()
    under_way: set[str] = set()
    ended_badly: set[str] = set()
    for task_id, state in states:
        if state is None:
            waiting.add(task_id)
        elif state in _UNDER_WAY:
            under_way.add(task_id)
        elif state in _TIMED:
            return None
        else:
            ended_badly.add(task_id)
    unfinished = waiting | under_way
    if any(_is_setup(dag, task_id) for task_id in ended_badly):
        return None
    if not all(_waits_for_all(dag, task_id) and _disjoint(dag, task_id, ended_badly) for task_id in waiting):
        return None
    ready = frozenset(task_id for task_id in waiting if _disjoint(dag, task_id, unfinished))
    if ready and (ended_badly or _has_setups(dag) or not all(_just_runs(dag.task_dict[one]) for one in ready)):
        return None
    return ready if ready or under_way else None


def _waits_for_all(dag: Any, task_id: str) -> bool:
    task = dag.task_dict.get(task_id)
    if task is None or task.is_mapped or task.get_closest_mapped_task_group() is not None:
        return False
    above = (dag.task_dict.get(other) for other in task.upstream_task_ids)
    rule = str(getattr(task.trigger_rule, "value", task.trigger_rule))
    return rule in _WAITING_FOR_ALL and not any(one.inherits_from_skipmixin for one in above if one is not None)


def _disjoint(dag: Any, task_id: str, others: set[str]) -> bool:
    return bool(dag.task_dict[task_id].upstream_task_ids.isdisjoint(others))


def _just_runs(task: Any) -> bool:
    """Tell whether its trigger rule alone decides when it starts, and it needs a worker then."""
    return (
        not (task.depends_on_past or task.wait_for_downstream)
        and not (task.start_from_trigger or task.inherits_from_empty_operator)
        and {type(dependency).__name__ for dependency in task.deps} == _USUAL
    )


def _is_setup(dag: Any, task_id: str) -> bool:
    task = dag.task_dict.get(task_id)
    return task is None or bool(task.is_setup)


def _has_setups(dag: Any) -> bool:
    """Tell whether there are setups or teardowns: one decides about more tasks than those that name it."""
    return any(task.is_setup or task.is_teardown for task in dag.task_dict.values())
