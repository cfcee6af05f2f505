"""What the agent of a fleet says: to the owner of the fleet alone. One that hangs is neither well nor away."""

from __future__ import annotations

from pathlib import Path

import click

from airfleet.agent import control
from airfleet.agent.control import AgentGone, Snapshot
from airfleet.errors import Unhealthy
from airfleet.fleet import ownership
from airfleet.fleet.paths import Paths


def snapshot(root: Path, paths: Paths, *, memory: bool = False) -> Snapshot | None:
    """How it is with what runs there; None without an agent.

    Raises FleetError when the fleet is somebody else's, Unhealthy when its agent does not answer.
    """
    require_own(paths)
    try:
        return control.status(paths.socket, memory=memory)
    except AgentGone:
        return None
    except TimeoutError:
        hint = f"its log is {paths.log('agent')}"
        raise Unhealthy(f"the agent of the fleet in {root} does not answer", hint=hint) from None


def require_own(paths: Paths) -> None:
    """Raise FleetError, with the command that its owner calls, when the fleet is somebody else's."""
    context = click.get_current_context(silent=True)
    ownership.require_own(paths, context.command_path if context else "airfleet")
