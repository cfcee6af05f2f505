"""A list of things that change while one waits: components that start, tasks that run.

On a terminal all of them, one row each, redrawn in place; elsewhere one line for each change, with
the seconds since the beginning::

      12.3s  scheduler  healthy (after 4.1s)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airfleet.cli.output import terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

#: Rows that a list may have on the screen; what is done gives way first.
MARGIN_ROWS = 4


@dataclass(frozen=True)
class Item:
    """One row."""

    name: str
    label: str
    #: a word for the look: good, busy, bad or idle
    mood: str = "idle"
    #: seconds so far, or in all; counted on while ``ticking``
    seconds: float | None = None
    ticking: bool = False
    #: what else there is to say
    note: str = ""
    #: what a plain line says instead of the label
    sentence: str = ""


MARKS = {"good": "✓", "bad": "✗", "busy": "›", "idle": "·"}
COLOURS = {"good": "green", "bad": "red", "busy": "yellow", "idle": "dim"}


class ProgressView(Protocol):
    """Something that shows items."""

    def remember(self, items: Sequence[Item]) -> None:
        """Take ``items`` as already said."""

    def show(self, items: Sequence[Item], elapsed: float) -> None:
        """Show the items as they are now."""

    def tick(self) -> None:
        """Let the clocks move on."""

    def close(self) -> None:
        """Leave the last picture on the screen."""


def view(*, live: bool, clock: Callable[[], float] = time.monotonic) -> ProgressView:
    """Return the view that fits: ``live`` redraws itself."""
    return LiveList(clock) if live else ChangeLines()


class Silence:
    """Shows nothing."""

    def remember(self, items: Sequence[Item]) -> None:
        """Do nothing."""

    def show(self, items: Sequence[Item], elapsed: float) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class ChangeLines:
    """One line for each change."""

    def __init__(self, before: str = "") -> None:
        #: what each line says first
        self._before = before
        self._last: dict[str, tuple[str, str]] = {}

    def remember(self, items: Sequence[Item]) -> None:
        """Take ``items`` as already said."""
        self._last = {item.name: _told(item) for item in items}

    def show(self, items: Sequence[Item], elapsed: float) -> None:
        """Say what is new."""
        longest = max((terminal.cells(item.name) for item in items), default=0)
        for item in items:
            if self._last.get(item.name) != _told(item):
                self._last[item.name] = _told(item)
                name = terminal.fill(item.name, longest)
                terminal.say(f"{elapsed:7.1f}s  {self._before}{name}  {item.sentence or item.label}")

    def tick(self) -> None:
        """Do nothing: lines do not move."""

    def close(self) -> None:
        """Do nothing: there is nothing to leave behind."""


class LiveList:
    """All items, one row each, redrawn in place."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._live: Live | None = None
        self._items: Sequence[Item] = ()
        self._received = 0.0
        # A second thread may let the clocks move on while the first one shows news.
        self._lock = threading.RLock()

    def remember(self, items: Sequence[Item]) -> None:
        """Do nothing: a list shows everything anyway."""

    def show(self, items: Sequence[Item], elapsed: float) -> None:
        """Draw ``items``."""
        with self._lock:
            self._items, self._received = items, self._clock()
            self.tick()

    def tick(self) -> None:
        """Draw the same again, with its clocks moved on."""
        with self._lock:
            if not self._items:
                return
            picture = self._picture()
            if self._live is None:
                self._live = _start_live(picture)
            self._live.update(picture, refresh=True)

    def close(self) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        passed = self._clock() - self._received
        grid = Table.grid(padding=(0, 2))
        for _ in range(5):
            grid.add_column(no_wrap=True, overflow="ellipsis")
        shown, left_out = fitting(self._items, terminal.height() - MARGIN_ROWS)
        for item in shown:
            colour = COLOURS[item.mood]
            seconds = item.seconds + passed if item.ticking and item.seconds is not None else item.seconds
            grid.add_row(
                Text(" " + MARKS[item.mood], style=colour),
                Text(item.name),
                Text(item.label, style=colour),
                Text(terminal.seconds(seconds), style="dim", justify="right"),
                Text(item.note, style="dim"),
            )
        if left_out:
            grid.add_row("", Text(left_out, style="dim"))
        return grid


def fitting(items: Sequence[Item], rows: int) -> tuple[list[Item], str]:
    """Choose the items that fit on the screen, the busy and the bad first, and sum up the others."""
    if len(items) <= rows:
        return list(items), ""
    wish = {"bad": 0, "busy": 1, "good": 2, "idle": 3}
    chosen = sorted(range(len(items)), key=lambda index: (wish[items[index].mood], index))[: max(1, rows - 1)]
    counts: dict[str, int] = {}
    for index in set(range(len(items))) - set(chosen):
        counts[items[index].label] = counts.get(items[index].label, 0) + 1
    more = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
    return [items[index] for index in sorted(chosen)], f"and {more}"


def _told(item: Item) -> tuple[str, str]:
    return item.label, item.note if item.mood == "bad" else ""


def _start_live(picture: RenderableType) -> Live:
    from rich.console import Console
    from rich.live import Live

    live = Live(picture, console=Console(stderr=True), auto_refresh=False)
    live.start()
    return live
