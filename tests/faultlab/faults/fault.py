"""A fault as a value: ``inflict`` breaks something and names the attempts that may suffer, ``heal`` repairs it.

Both touch only processes and servers of the system that they are given.
"""

from __future__ import annotations

from typing import TypeAlias

from airfleet.drill.killing import Attempts
from airfleet.drill.runner import FaultInjector
from airfleet.drill.waiting import wait_until
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.system import System

NOBODY: Attempts = frozenset()
#: until something is there that can be broken
FIND_SECONDS = 60.0
#: until the agent reports a fault, at the latest
TOLD_SECONDS = 10.0


#: something that breaks
Fault: TypeAlias = FaultInjector[System]


def first_pid(system: System, kind: str, host: str | None = None) -> int:
    """Wait for a component of a kind, on any host or on that one. Raises AssertionError when none comes."""

    def found() -> tuple[int, ...]:
        return system.pids_on(host, kind) if host else system.pids(kind)

    return wait_until(found, FIND_SECONDS, f"a {kind} runs")[0]


def wait_until_degraded(system: System, component: str, host: str | None = None) -> None:
    """Wait until the agent of a fleet reports a component as degraded; stock Airflow has nobody to report it."""
    if isinstance(system, FleetSystem):
        wait_until(lambda: system.is_degraded(component, host), TOLD_SECONDS, f"the agent reports: {component}")


def fleet_of(system: System) -> FleetSystem:
    """Give a system that has to be a fleet."""
    assert isinstance(system, FleetSystem), f"{system.name} has no agent"
    return system
