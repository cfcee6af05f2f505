"""The random nemesis: faults drawn from a seed, always the same ones from the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from faultlab.faults.component_faults import Kill, KillMonitor, Pause
from faultlab.faults.fault import Fault
from faultlab.faults.host_faults import AgentKilled, HostCutOff, HostFarAway, HostPowerOff
from faultlab.faults.server_faults import (
    KillBeforePublishing,
    broker_away,
    broker_hangs,
    broker_wiped,
    database_away,
    execution_api_away,
)
from faultlab.systems.topology import API_SERVER, SCHEDULER, WORKER


@dataclass(frozen=True)
class Step:
    """One fault of a schedule: so many seconds of quiet, then the fault."""

    fault: Fault
    after_seconds: float


#: what a schedule is drawn from, when things are away for so many seconds
Choices: TypeAlias = Callable[[float], tuple[Fault, ...]]


def of_one_host(seconds: float) -> tuple[Fault, ...]:
    """Give the faults of the parts of one host, of its servers and of the way to its API."""
    return (
        Kill(SCHEDULER),
        Kill(WORKER),
        Kill(API_SERVER),
        Kill("dag-processor"),
        Kill("triggerer"),
        KillMonitor(),
        KillBeforePublishing(),
        Pause(SCHEDULER, seconds),
        broker_away(seconds),
        broker_away(),
        broker_hangs(seconds),
        broker_wiped(),
        database_away(seconds),
        database_away(),
        execution_api_away(seconds),
    )


def of_several_hosts(deciding: str, working: str, long_seconds: float, seconds: float) -> tuple[Fault, ...]:
    """Give the faults of two hosts, the first of which has a scheduler, too.

    An outage takes ``seconds``, or ``long_seconds``: so long that other hosts have taken over by then.
    """
    hosts = (deciding, working)
    return (
        Kill(SCHEDULER, host=deciding),
        *(Kill(WORKER, host=host) for host in hosts),
        *(AgentKilled(host) for host in hosts),
        *(HostFarAway(host, seconds) for host in hosts),
        *(
            fault(host, away)
            for fault in (HostPowerOff, HostCutOff)
            for host in hosts
            for away in (seconds, long_seconds)
        ),
    )


def schedule(
    choices: Choices, seed: int, count: int, quiet_seconds: tuple[float, float], longest_seconds: float
) -> tuple[Step, ...]:
    """Draw ``count`` faults with pauses between; the same arguments give the same faults."""
    chance = random.Random(seed)
    steps = []
    for _ in range(count):
        fault = chance.choice(choices(round(chance.uniform(1.0, longest_seconds), 1)))
        steps.append(Step(fault, round(chance.uniform(*quiet_seconds), 2)))
    return tuple(steps)
