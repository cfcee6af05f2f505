"""How a fleet's components look while they change: a live list on a terminal, plain lines elsewhere.

Plain lines say each change once, with the seconds since the agent started::

      12.3s  scheduler  healthy (after 4.1s)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from airfleet.agent.control import ComponentStatus, Snapshot
from airfleet.agent.states import FINE, LABELS, State
from airfleet.cli import terminal

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

COLOURS = {
    State.READY: "green",
    State.DONE: "green",
    State.STARTING: "yellow",
    State.DEGRADED: "red",
    State.BACKOFF: "red",
    State.GAVE_UP: "red",
    State.STOPPING: "yellow",
}
MARKS = {State.READY: "✓", State.DONE: "✓", State.GAVE_UP: "✗", State.DEGRADED: "!", State.BACKOFF: "!"}


class View(Protocol):
    """Something that shows snapshots."""

    def show(self, snapshot: Snapshot | None) -> None:
        """Show a new snapshot; None when time has passed without one."""

    def close(self) -> None:
        """Leave the last picture on the screen."""


def view(*, live: bool, clock: Callable[[], float] = time.monotonic) -> View:
    """The view that fits: ``live`` redraws itself."""
    return LiveList(clock) if live else Lines()


class Lines:
    """One line for each change of a component."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[State, str]] = {}

    def remember(self, snapshot: Snapshot) -> None:
        """Take ``snapshot`` as already said."""
        self._last = {component.name: _told(component) for component in snapshot.components}

    def show(self, snapshot: Snapshot | None) -> None:
        """Say what is new in ``snapshot``."""
        if snapshot is None:
            return
        longest = max((terminal.cells(c.name) for c in snapshot.components), default=0)
        for component in snapshot.components:
            if self._last.get(component.name) != _told(component):
                self._last[component.name] = _told(component)
                name = terminal.fill(component.name, longest)
                terminal.say(f"{snapshot.elapsed:7.1f}s  {name}  {describe(component)}")

    def close(self) -> None:
        """Nothing to leave behind."""


class LiveList:
    """All components, one row each, redrawn in place."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._live: Live | None = None
        self._snapshot: Snapshot | None = None
        self._received = 0.0

    def show(self, snapshot: Snapshot | None) -> None:
        """Draw ``snapshot``, or the last one again with its clocks moved on."""
        if snapshot is not None:
            self._snapshot, self._received = snapshot, self._clock()
        if self._snapshot is None:
            return
        picture = self._picture(self._snapshot, self._clock() - self._received)
        if self._live is None:
            self._live = _start_live(picture)
        self._live.update(picture, refresh=True)

    def close(self) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self, snapshot: Snapshot, passed: float) -> Table:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for component in snapshot.components:
            colour = COLOURS.get(component.state, "")
            grid.add_row(
                Text(" " + MARKS.get(component.state, "·"), style=colour),
                component.name,
                Text(LABELS[component.state], style=colour),
                Text(_clock_text(component, passed), style="dim"),
                Text(component.reason if component.state not in FINE else component.address, style="dim"),
            )
        return grid


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


def _told(component: ComponentStatus) -> tuple[State, str]:
    return component.state, "" if component.state in FINE else component.reason


def _clock_text(component: ComponentStatus, passed: float) -> str:
    if component.state in FINE:
        return terminal.seconds(component.started_after)
    if component.state is State.WAITING:
        return ""
    return terminal.seconds(component.since + passed)


def _start_live(picture: Table) -> Live:
    from rich.console import Console
    from rich.live import Live

    live = Live(picture, console=Console(stderr=True), auto_refresh=False)
    live.start()
    return live
