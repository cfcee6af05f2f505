"""``airfleet status``: what runs, since when, and how it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from airfleet.agent import control
from airfleet.agent.control import AgentGone, ComponentStatus, Snapshot
from airfleet.agent.states import FINE, LABELS
from airfleet.cli import options, tables, terminal
from airfleet.cli.project import Project, find
from airfleet.errors import EXIT_OK, EXIT_UNHEALTHY, EXIT_WRONG, FleetError

COLUMNS = {
    "name": "component",
    "label": "state",
    "for": "for",
    "pid": "pid",
    "restarts": "restarts",
    "memory_mb": "memory MB",
    "address": "address",
    "reason": "reason",
}


@click.command(epilog="\b\nExamples:\n  airfleet status\n  airfleet status --memory -o json")
@options.option("--memory", is_flag=True, help="Measure each component's memory (PSS) too.")
@options.output()
@options.project
def command(project: Path | None, memory: bool, output: str) -> int:
    """Show every component of the fleet.

    Exit code: 0 healthy, 4 running but not healthy, 1 not running.
    """
    here = find(project)
    try:
        snapshot = control.status(here.paths.socket, memory=memory)
    except AgentGone:
        return _not_running(here, output)
    tables.put_rows([row(component) for component in snapshot.components], output, COLUMNS, whole=whole(snapshot))
    if output == "table":
        terminal.say(f"\n{headline(snapshot)}")
    return EXIT_OK if snapshot.healthy else EXIT_UNHEALTHY


def row(component: ComponentStatus) -> dict[str, Any]:
    """One component for the table."""
    return {
        "name": component.name,
        "label": LABELS[component.state],
        "for": terminal.seconds(component.since),
        "pid": component.pid,
        "restarts": component.restarts or None,
        "memory_mb": component.memory_mb,
        "address": component.address,
        "reason": component.reason if component.state not in FINE else "",
    }


def whole(snapshot: Snapshot) -> dict[str, Any]:
    """Everything the agent said, and the one word that a program asks first."""
    return {"healthy": snapshot.healthy, **snapshot.to_json()}


def headline(snapshot: Snapshot) -> str:
    """The fleet in one line.

    >>> headline(Snapshot("shop", "ready", 7, "/home", url="http://127.0.0.1:8080", elapsed=75))
    "fleet 'shop' is healthy, up for 1m15s: http://127.0.0.1:8080"
    """
    state = "healthy" if snapshot.healthy else snapshot.state
    line = f"fleet '{snapshot.fleet}' is {state}, up for {terminal.seconds(snapshot.elapsed)}: {snapshot.url}"
    return f"{line}\n{snapshot.problem}" if snapshot.problem else line


def _not_running(here: Project, output: str) -> int:
    if output not in ("json", "yaml"):
        raise not_running(here)
    tables.put_value({"healthy": False, "state": "stopped", "home": str(here.paths.home), "components": []}, output)
    return EXIT_WRONG


def not_running(here: Project) -> FleetError:
    """What to say to someone who asks a fleet that does not run."""
    return FleetError(f"the fleet in {here.root} is not running", hint="airfleet up")
