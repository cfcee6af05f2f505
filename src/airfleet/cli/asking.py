"""What the agent of a fleet says. One that hangs is neither well nor away."""

from __future__ import annotations

from pathlib import Path

from airfleet.agent import control
from airfleet.agent.control import AgentGone, Snapshot
from airfleet.errors import Unhealthy
from airfleet.fleet.paths import Paths


def snapshot(root: Path, paths: Paths, *, memory: bool = False) -> Snapshot | None:
    """How it is with what runs there; None without an agent. Raises Unhealthy when it does not answer."""
    try:
        return control.status(paths.socket, memory=memory)
    except AgentGone:
        return None
    except TimeoutError:
        hint = f"its log is {paths.log('agent')}"
        raise Unhealthy(f"the agent of the fleet in {root} does not answer", hint=hint) from None
