"""How a fleet's components look while they change."""

from __future__ import annotations

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.states import FINE, LABELS, State
from airfleet.cli import progress, terminal
from airfleet.cli.progress import Item

MOODS = {
    State.READY: "good",
    State.DONE: "good",
    State.STARTING: "busy",
    State.STOPPING: "busy",
    State.DEGRADED: "bad",
    State.BACKOFF: "bad",
    State.GAVE_UP: "bad",
}


def show(view: progress.View, snapshot: Snapshot | None) -> None:
    """Show a new snapshot; None when time has passed without one."""
    if snapshot is None:
        view.tick()
    else:
        view.show(items(snapshot), snapshot.elapsed)


def items(snapshot: Snapshot) -> tuple[Item, ...]:
    """The components as rows."""
    return tuple(_item(component) for component in snapshot.components)


def _item(component: ComponentStatus) -> Item:
    fine, idle = component.state in FINE, component.state in (State.WAITING, State.STOPPED)
    return Item(
        name=component.name,
        label=LABELS[component.state],
        mood=MOODS.get(component.state, "idle"),
        seconds=component.started_after if fine else None if idle else component.since,
        ticking=not fine and not idle,
        note=component.address if fine else component.reason,
        # Why something that starts has not started yet is of interest when it is too late.
        sentence=LABELS[component.state] if component.state is State.STARTING else describe(component),
    )


def describe(component: ComponentStatus) -> str:
    """State, and what belongs to it, in words.

    >>> describe(ComponentStatus("scheduler", "scheduler", State.READY, started_after=4.06))
    'healthy (after 4.1s)'
    """
    label = LABELS[component.state]
    if component.state in FINE:
        after = component.started_after
        return label if after is None else f"{label} (after {terminal.seconds(after)})"
    return f"{label}: {component.reason}" if component.reason else label


def not_fine(snapshot: Snapshot) -> tuple[ComponentStatus, ...]:
    """The components that are not (yet) ready."""
    return tuple(component for component in snapshot.components if component.state not in FINE)
