"""What the agent of a fleet says: to the owner of the fleet alone. One that hangs is neither well nor away."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import click

from airfleet.agent import agent_search, control
from airfleet.agent.control import AgentGone, Snapshot
from airfleet.cli import options
from airfleet.errors import Unhealthy
from airfleet.fleet import ownership
from airfleet.fleet.paths import Paths

#: between two looks for the socket of an agent that starts
PAUSE_SECONDS = 0.1


def snapshot(root: Path, paths: Paths, *, memory: bool = False) -> Snapshot | None:
    """How it is with what runs there; None without an agent, and with one that for seconds could not be asked.

    Raises FleetError when the fleet is somebody else's, Unhealthy when its agent does not answer.
    """
    require_own(paths)
    deadline = time.monotonic() + agent_search.LAST_MOMENTS_SECONDS
    try:
        while (found := _now(paths, memory)) is None and agent_search.find(paths.home):
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)  # it has just started, or is about to end
        return found
    except TimeoutError:
        hint = f"its log is {paths.log('agent')}"
        raise Unhealthy(f"the agent of the fleet in {root} does not answer", hint=hint) from None


def require_own(paths: Paths) -> None:
    """Raise FleetError, with the command that its owner calls, when the fleet is somebody else's."""
    context = click.get_current_context(silent=True)
    words = context.meta.get(options.WORDS, ()) if context else ()
    ownership.require_own(paths, shlex.join(("airfleet", *words)))


def _now(paths: Paths, memory: bool) -> Snapshot | None:
    try:
        return control.status(paths.socket, memory=memory)
    except AgentGone:
        return None
