"""Whether looking at a run could change anything: told from the states of its tasks, without loading them.

Airflow's own look at a run loads every task instance and checks each that waits. For a run of which 500 of 1,000
tasks still go, and one waits for all of them, it finds each time that nothing can be done. Here that is said only
where it is certain; in every doubt the answer is that something may have changed, and Airflow looks for itself.

Certain it is for a run in which something is under way and every task that waits

- waits for all its upstream tasks, by its trigger rule,
- of which at least one has not ended, and none has failed, was skipped or removed,
- and neither it nor anything above it decides in other ways: no mapping of its own, no branching, no setup that failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: an attempt is coming, runs, or waits for a trigger
_UNDER_WAY = frozenset({"scheduled", "queued", "running", "restarting", "deferred", "awaiting_input"})
#: may be scheduled again when its time has come
_TIMED = frozenset({"up_for_retry", "up_for_reschedule"})
_WAITING_FOR_ALL = frozenset({"all_success", "all_done", "none_failed", "none_failed_min_one_success"})


def may_progress(dag: Any, states: Iterable[tuple[str, str | None]]) -> bool:
    """Whether a run of this (serialized) Dag needs a look.

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
            return True
        else:
            ended_badly.add(task_id)
    if not under_way or any(_is_setup(dag, task_id) for task_id in ended_badly):
        return True
    unfinished = waiting | under_way
    return not all(_is_blocked(dag, task_id, unfinished, ended_badly) for task_id in waiting)


def _is_blocked(dag: Any, task_id: str, unfinished: set[str], ended_badly: set[str]) -> bool:
    task = dag.task_dict.get(task_id)
    if task is None or task.is_mapped or task.get_closest_mapped_task_group() is not None:
        return False
    upstream = task.upstream_task_ids
    return (
        str(getattr(task.trigger_rule, "value", task.trigger_rule)) in _WAITING_FOR_ALL
        and not upstream.isdisjoint(unfinished)
        and upstream.isdisjoint(ended_badly)
        and not any(above.inherits_from_skipmixin for above in map(dag.task_dict.get, upstream) if above is not None)
    )


def _is_setup(dag: Any, task_id: str) -> bool:
    task = dag.task_dict.get(task_id)
    return task is None or bool(task.is_setup)
