"""What one run of a workload took, computed from what was seen of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from witness import Execution
from workloads import Workload

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Slot:
    """One time that a task held a slot of a worker, in seconds."""

    #: from the moment the pool began with it to the moment it could begin with another
    held: float
    #: from the task's start to its end, as Airflow writes them down
    task: float
    #: how long after the task's end the slot was free
    late: float


@dataclass(frozen=True)
class Run:
    """What was seen of one run of a workload; times are seconds since the epoch."""

    #: the first request
    began: float
    #: the system says that everything is done
    ended: float
    #: run -> when it was asked for
    asked: Mapping[str, float]
    executions: tuple[Execution, ...]
    #: of every process of the system
    cpu_seconds: float
    slots: tuple[Slot, ...] = field(default=())


def figures(workload: Workload, run: Run) -> Figures:
    """Every figure of a run; None where a system or a workload has none."""
    wall = run.ended - run.began
    worked = sum(one.ended - one.began for one in run.executions)
    gaps, first = list(_gaps(workload, run.executions)) if workload.is_chain else [], _first_latencies(run)
    return {
        "wall_s": wall,
        "tasks_per_s": workload.tasks / wall,
        "cpu_ms_per_task": 1000 * run.cpu_seconds / workload.tasks,
        "work_s": worked,
        "overhead_s": wall - worked if workload.is_chain and workload.runs == 1 else None,
        "gap_p50_s": percentile(gaps, 50),
        "gap_p99_s": percentile(gaps, 99),
        "first_task_p50_s": percentile(first, 50),
        "first_task_p99_s": percentile(first, 99),
        "slot_excess_p50_s": percentile([slot.held - slot.task for slot in run.slots], 50),
        "slot_excess_p99_s": percentile([slot.held - slot.task for slot in run.slots], 99),
        "slot_late_p50_s": percentile([slot.late for slot in run.slots], 50),
        "slot_late_p99_s": percentile([slot.late for slot in run.slots], 99),
        "slot_late_max_s": max((slot.late for slot in run.slots), default=None),
        "processes": float(len({one.pid for one in run.executions})),
    }


def median_figures(repeats: Sequence[Figures]) -> Figures:
    """The median of each figure over several runs."""
    return {name: _median([one[name] for one in repeats]) for name in repeats[0]}


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The least value that so many percent of the values do not exceed; None when there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]


def slope_per_hour(samples: Sequence[tuple[float, float]]) -> float:
    """How much a value grows in an hour: the line of least squares through (seconds, value)."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression([at for at, _ in samples], [value for _, value in samples]).slope * 3600


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _gaps(workload: Workload, executions: Iterable[Execution]) -> Iterable[float]:
    """From the end of the task that a task waited for to its own start; elsewhere it would wait for a slot too."""
    by_key = {(one.run, one.number): one for one in executions}
    for (run, number), one in by_key.items():
        if needed := workload.graph[number]:
            yield one.began - max(by_key[run, earlier].ended for earlier in needed)


def _first_latencies(run: Run) -> list[float]:
    """From the request for each run to the start of its first task."""
    first: dict[str, float] = {}
    for one in run.executions:
        first[one.run] = min(one.began, first.get(one.run, one.began))
    return [began - run.asked[name] for name, began in first.items()]
