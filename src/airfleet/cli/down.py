"""``airfleet down``: stop the fleet of this machine and wait until nothing of it is left.

::

    ask the agent to stop ──> show it ──> the agent has gone ──> end what is left
          │                      │
          no agent               too slow, or Ctrl-C again: end everything by force

What is left is found by the mark that every process of a fleet carries in its environment,
so it is found also after the agent was killed.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from airfleet.agent import control
from airfleet.agent.control import AgentGone
from airfleet.cli import components, options, progress, terminal
from airfleet.cli.following import follow
from airfleet.cli.project import Project, find

PATIENCE_SECONDS = 60.0


@click.command(epilog="\b\nExample:\n  airfleet down --timeout 5m")
@options.timeout("1m", "How long the fleet may take to stop by itself; then it is ended by force.")
@options.project
def command(project: Path | None, timeout: float) -> None:
    """Stop the fleet of this machine."""
    here = find(project)
    terminal.say(end(here, timeout) or "nothing is running")


def end(here: Project, patience_seconds: float) -> str:
    """Stop the fleet and end every process of it; what was done, or nothing, as a sentence."""
    name, in_time = None, True
    try:
        name, in_time = _stop(here, patience_seconds)
    except AgentGone:
        pass
    except KeyboardInterrupt:
        in_time = False
        terminal.say("ending it at once")
    left = _end_leftovers(here)
    return _told(name, in_time, left)


def _stop(here: Project, patience_seconds: float) -> tuple[str, bool]:
    """Ask the agent to stop and show it; the fleet's name, and whether it was done in time."""
    snapshot = control.status(here.paths.socket)
    deadline = time.monotonic() + patience_seconds
    view = progress.view(live=terminal.is_live())
    view.remember(components.items(snapshot))
    try:
        for change in follow(control.stop(here.paths.socket)):
            components.show(view, change)
            if time.monotonic() > deadline:
                return snapshot.fleet, False
    finally:
        view.close()
    return snapshot.fleet, True


def _end_leftovers(here: Project) -> tuple[int, ...]:
    from airfleet.agent import launch

    return launch.end_leftovers(here.paths)


def _told(name: str | None, in_time: bool, left: tuple[int, ...]) -> str:
    count = f"{len(left)} {'process' if len(left) == 1 else 'processes'}"
    if name is None:
        return f"no agent was running; ended {count} that it had left" if left else ""
    if not in_time:
        return f"fleet '{name}' is stopped; {count} had to be ended by force"
    return f"fleet '{name}' is stopped"
