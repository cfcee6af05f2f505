"""The plan that an agent runs, its places, its log and its clock: values that every part of the agent is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from airfleet.events import Log, Surprises
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import Plan
from airfleet.releases.places import Places


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
    def places(self) -> Places:
        """Return the places of this host's releases."""
        return Places(self.paths.releases)

    @property
    def code(self) -> Path | None:
        """Return the folder with the pipelines that are in force now: the live release, where there is one."""
        live = self.places.live_digest()
        return self.plan.pipelines if live is None else self.places.tree(live)

    @property
    def fleet_id(self) -> str:
        """Return the name by which processes of this fleet are found on this machine."""
        return fleet_id(self.paths.home)
