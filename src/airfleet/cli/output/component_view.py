"""How a fleet's components look while they change."""

from __future__ import annotations

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.states import FINE, LABELS, State
from airfleet.cli.output import progress, terminal
from airfleet.cli.output.progress import Item
from airfleet.spool.current_work import Kind

MOODS = {
    State.READY: "good",
    State.DONE: "good",
    State.STARTING: "busy",
    State.STOPPING: "busy",
    State.DEGRADED: "bad",
    State.BACKOFF: "bad",
    State.GAVE_UP: "bad",
}


def show(view: progress.ProgressView, snapshot: Snapshot | None) -> None:
    """Show a new snapshot; None when time has passed without one."""
    if snapshot is None:
        view.tick()
    else:
        view.show(items(snapshot), snapshot.elapsed)


def items(snapshot: Snapshot) -> tuple[Item, ...]:
    """List the components as rows."""
    return tuple(_item(component) for component in snapshot.components)


def _item(component: ComponentStatus) -> Item:
    fine, idle = component.state in FINE, component.state in (State.WAITING, State.STOPPED, State.SLEEPING)
    return Item(
        name=component.name,
        label=LABELS[component.state],
        mood=MOODS.get(component.state, "idle"),
        seconds=None if idle else component.started_after if fine else component.since,
        ticking=not fine and not idle,
        note=component.address if fine and not idle else why(component),
        # Why something that starts has not started yet is of interest when it is too late.
        sentence=LABELS[component.state] if component.state is State.STARTING else describe(component),
    )


def describe(component: ComponentStatus) -> str:
    """State, and what belongs to it, in words.

    >>> describe(ComponentStatus("scheduler", "scheduler", State.READY, started_after=4.06))
    'healthy (after 4.1s)'
    """
    label = LABELS[component.state]
    if component.state is State.SLEEPING:
        return f"{label} {component.reason}".rstrip()
    if component.state in FINE:
        after = component.started_after
        return label if after is None else f"{label} (after {terminal.seconds(after)})"
    reason = why(component)
    return f"{label}: {reason}" if reason else label


#: what a component worked on, in words
WORKS = {Kind.FILE: "while it stored {}", Kind.DAG: "while it made a run of Dag {}", Kind.RUN: "while it looked at {}"}


def why(component: ComponentStatus) -> str:
    """Explain why a component is not well, what it worked on when it died, and when it is tried again.

    >>> why(ComponentStatus("s", "scheduler", State.GAVE_UP, reason="ended with exit code 1", work_kind=Kind.DAG,
    ...     work_name="daily", error="DataError: integer out of range", tried_again_in=41.3))
    'ended with exit code 1 while it made a run of Dag daily (DataError: integer out of range); tried again in 41.3s'
    """
    worked = WORKS[component.work_kind].format(component.work_name) if component.work_kind in WORKS else ""
    statement = f" in: {component.statement}" if component.statement else ""
    error = f"({component.error}{statement})" if component.error else ""
    again = component.tried_again_in
    later = f"; tried again in {terminal.seconds(again)}" if again is not None else ""
    return " ".join(filter(None, (component.reason, worked, error))) + later


def not_fine(snapshot: Snapshot) -> tuple[ComponentStatus, ...]:
    """List the components that are not (yet) ready."""
    return tuple(component for component in snapshot.components if component.state not in FINE)
