"""Trigger rules: what becomes of a task when everything before it has ended.

The rules are those of ``airflow/ti_deps/deps/trigger_rule_dep.py``, for the moment at which nothing upstream is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

Decision: TypeAlias = Literal["run", "skipped", "upstream_failed"]
#: how many upstream tasks are in each state
Counts: TypeAlias = Counter[str]

#: states of tasks that are not over: what comes after them waits, too
WAITING: Final = frozenset({"up_for_reschedule", "awaiting_input", "deferred", "none"})


def decide(rule: str, upstream: Iterable[str], setups: Iterable[str] = ()) -> Decision:
    """Say whether a task runs, from the states before it; ``setups`` are the states of those that are setups.

    >>> decide("all_success", ["success", "skipped"]), decide("none_failed", ["success", "skipped"])
    ('skipped', 'run')
    """
    states = Counter(upstream)
    if not states:
        return "run"
    if rule == "all_done_setup_success":
        return _after_setups(Counter(setups))
    return _RULES[rule](states)


def _failed(states: Counts) -> bool:
    return states["failed"] + states["upstream_failed"] > 0


def _all_success(states: Counts) -> Decision:
    if _failed(states):
        return "upstream_failed"
    return "skipped" if states["skipped"] else "run"


def _all_failed(states: Counts) -> Decision:
    return "skipped" if states["success"] or states["skipped"] else "run"


def _one_success(states: Counts) -> Decision:
    if states["success"]:
        return "run"
    return "skipped" if states["skipped"] == states.total() else "upstream_failed"


def _one_failed(states: Counts) -> Decision:
    return "run" if _failed(states) else "skipped"


def _one_done(states: Counts) -> Decision:
    return "run" if states["success"] or states["failed"] else "skipped"


def _none_failed(states: Counts) -> Decision:
    return "upstream_failed" if _failed(states) else "run"


def _none_failed_min_one_success(states: Counts) -> Decision:
    if _failed(states):
        return "upstream_failed"
    if states["skipped"] == states.total():
        return "skipped"
    return "run" if states["success"] else "upstream_failed"


def _none_skipped(states: Counts) -> Decision:
    return "skipped" if states["skipped"] else "run"


def _all_skipped(states: Counts) -> Decision:
    return "skipped" if states["success"] or _failed(states) else "run"


def _all_done_min_one_success(states: Counts) -> Decision:
    if states["skipped"]:
        return "skipped"
    return "run" if states["success"] else "upstream_failed"


def _always(states: Counts) -> Decision:
    return "run"


def _after_setups(setups: Counts) -> Decision:
    if not setups or setups["success"]:
        return "run"
    return "skipped" if setups["skipped"] == setups.total() else "upstream_failed"


_RULES: Final[Mapping[str, Callable[[Counts], Decision]]] = {
    "all_success": _all_success,
    "all_failed": _all_failed,
    "all_done": _always,
    "all_done_min_one_success": _all_done_min_one_success,
    "one_success": _one_success,
    "one_failed": _one_failed,
    "one_done": _one_done,
    "none_failed": _none_failed,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "none_skipped": _none_skipped,
    "all_skipped": _all_skipped,
    "always": _always,
}
