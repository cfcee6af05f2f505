"""The random nemesis: faults drawn from a seed, always the same ones from the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from faultlab.faults.component_faults import Kill, KillMonitor, Pause
from faultlab.faults.fault import Fault
from faultlab.faults.server_faults import (
    BrokerAway,
    BrokerHangs,
    BrokerWiped,
    DatabaseAway,
    ExecutionApiAway,
    KillBeforePublishing,
)
from faultlab.systems.system import API_SERVER, SCHEDULER, WORKER, Target

T = TypeVar("T")


@dataclass(frozen=True)
class Step(Generic[T]):
    """One fault of a schedule: so many seconds of quiet, then the fault."""

    fault: Fault[T]
    after_seconds: float


#: what a schedule is drawn from, when things are away for so many seconds
Choices: TypeAlias = Callable[[float], tuple[Fault[T], ...]]


def of_one_host(seconds: float) -> tuple[Fault[Target], ...]:
    """Faults of the parts of one host, of its servers and of the way to its API."""
    return (
        Kill(SCHEDULER),
        Kill(WORKER),
        Kill(API_SERVER),
        Kill("dag-processor"),
        Kill("triggerer"),
        KillMonitor(),
        KillBeforePublishing(),
        Pause(SCHEDULER, seconds),
        BrokerAway(seconds),
        BrokerAway(),
        BrokerHangs(seconds),
        BrokerWiped(),
        DatabaseAway(seconds),
        DatabaseAway(),
        ExecutionApiAway(seconds),
    )


def schedule(
    choices: Choices[T], seed: int, count: int, quiet_seconds: tuple[float, float], longest_seconds: float
) -> tuple[Step[T], ...]:
    """``count`` faults with pauses between; the same for the same arguments, whatever else is drawn."""
    chance = random.Random(seed)
    steps = []
    for _ in range(count):
        fault = chance.choice(choices(round(chance.uniform(1.0, longest_seconds), 1)))
        steps.append(Step(fault, round(chance.uniform(*quiet_seconds), 2)))
    return tuple(steps)
