"""What every system is asked to do: graphs of tasks, each task a small function.

The chains are those that engines are usually compared by (naive Fibonacci numbers, strictly one after the other); the
five shapes are those of Airflow's own performance tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: for each task the earlier tasks that it waits for
Graph = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Workload:
    """``dags`` times ``runs`` copies of a graph, all started at once."""

    name: str
    title: str
    graph: Graph
    function: str = "noop"
    #: what the function is given
    amount: float = 0
    dags: int = 1
    runs: int = 1
    #: every task but the first is an instance of one mapped task, made from the first one's list
    mapped: bool = False

    @property
    def tasks(self) -> int:
        """How many tasks it is in all."""
        return len(self.graph) * self.dags * self.runs

    @property
    def is_chain(self) -> bool:
        """Whether each task waits for the one before it."""
        return self.graph == chain(len(self.graph))

    @property
    def is_fan_out(self) -> bool:
        """Whether it is one task, then many, then one."""
        return len(self.graph) > 2 and self.graph == fan_out(len(self.graph) - 2)


def chain(length: int) -> Graph:
    """One after the other."""
    return tuple((number - 1,) if number else () for number in range(length))


def fan_out(width: int) -> Graph:
    """One, then ``width`` at once, then one."""
    return (), *((0,) for _ in range(width)), tuple(range(1, width + 1))


def no_structure(size: int) -> Graph:
    """No task waits for another."""
    return tuple(() for _ in range(size))


def binary_tree(size: int) -> Graph:
    """Each task is followed by two."""
    return tuple(((number - 1) // 2,) if number else () for number in range(size))


def star(size: int) -> Graph:
    """One task, then all others."""
    return tuple((0,) if number else () for number in range(size))


def grid(size: int) -> Graph:
    """As square as it can be: each task waits for the one on its left and the one above it."""
    width = max(1, math.isqrt(size))
    return tuple(
        tuple(sorted(({number - 1} if number % width else set()) | ({number - width} if number >= width else set())))
        for number in range(size)
    )


def all_workloads(scale: float = 1.0) -> Mapping[str, Workload]:
    """Every workload by name; ``scale`` shrinks those of about 1,000 tasks, and their names say so."""
    thousand, hundred, ten = _scaled(1000, scale), _scaled(100, scale), _scaled(10, scale)
    found = [
        Workload("chain40", "chain of 40 × fibo(10)", chain(40), "fibo", 10),
        Workload("long10", "chain of 10 × fibo(33)", chain(10), "fibo", 33),
        Workload("fanout100", "fan-out of 100 no-ops", fan_out(100)),
        Workload(f"fanout{thousand}", f"fan-out of {thousand:,} no-ops", fan_out(thousand)),
        Workload(f"runs{hundred}", f"{hundred} runs of a chain of 10", chain(10), runs=hundred),
        Workload(f"mapped{thousand}", f"{thousand:,} mapped instances", star(thousand + 1), mapped=True),
        Workload(f"no_structure{ten}", f"{ten} Dags × 100, no structure", no_structure(100), dags=ten),
        Workload("linear", "Dag of 50, linear", chain(50)),
        Workload("binary_tree", "Dag of 50, binary tree", binary_tree(50)),
        Workload("star", "Dag of 50, star", star(50)),
        Workload("grid", "Dag of 49, grid", grid(49)),
    ]
    return {workload.name: workload for workload in found}


def _scaled(size: int, scale: float) -> int:
    return max(1, round(size * scale))
