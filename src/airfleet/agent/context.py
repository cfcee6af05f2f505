"""The plan that an agent runs, its places, its log and its clock: values that every part of the agent is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airfleet.events import Log, Surprises
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import Plan


@dataclass(frozen=True)
class AgentContext:
    """One plan on one host. ``clock`` counts seconds and never goes back."""

    plan: Plan
    paths: Paths
    log: Log
    clock: Callable[[], float]
    #: unexpected errors of the loop's steps, each logged once
    surprises: Surprises

    @property
    def fleet_id(self) -> str:
        """Return the name by which processes of this fleet are found on this machine."""
        return fleet_id(self.paths.home)
