"""Tasks that wait for each other: one circle for each strongly connected component, in time linear in the arrows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

#: Of a longer circle, the ids in the middle are only counted.
LONGEST_WRITTEN: Final = 20


def way(circle: tuple[str, ...]) -> str:
    """Write a circle in words, in the direction of the work.

    >>> way(("a", "b", "a"))
    'a → b → a'
    """
    if len(circle) <= LONGEST_WRITTEN:
        return " → ".join(circle)
    half = LONGEST_WRITTEN // 2
    between = f"… {len(circle) - 2 * half:,} more …"
    return " → ".join([*circle[:half], between, *circle[-half:]])


def circles(upstream: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """Find the shortest circle through the first task of every knot, from that task back to it, in file order.

    A knot is a strongly connected component of several tasks: each waits, directly or not, for each other. A task that
    waits for itself alone is none.
    """
    arrows = {task: tuple(up for up in ups if up in upstream and up != task) for task, ups in upstream.items()}
    order = {task: index for index, task in enumerate(arrows)}
    knots = [sorted(knot, key=order.__getitem__) for knot in _Components(arrows).found() if len(knot) > 1]
    for knot in sorted(knots, key=lambda tasks: order[tasks[0]]):
        yield _shortest(knot[0], frozenset(knot), arrows)


class _Components:
    """Tarjan's search for strongly connected components, without recursion: chains have ten thousand tasks."""

    def __init__(self, arrows: Mapping[str, tuple[str, ...]]) -> None:
        self.arrows = arrows
        #: task -> its number in the order of the search
        self.number: dict[str, int] = {}
        #: task -> the lowest number that is reached from it
        self.lowest: dict[str, int] = {}
        #: tasks whose component is not complete
        self.unfinished: dict[str, None] = {}
        #: the way from the root to the present task, each with the arrows that are left
        self.way: list[tuple[str, Iterator[str]]] = []

    def found(self) -> Iterator[list[str]]:
        """Yield each component when its last task is left, and empty ones for the other tasks."""
        for root in self.arrows:
            if root not in self.number:
                self._enter(root)
            while self.way:
                task, arrows = self.way[-1]
                up = next(arrows, None)
                if up is None:
                    yield self._leave()
                else:
                    self._follow(task, up)

    def _follow(self, task: str, up: str) -> None:
        if up not in self.number:
            self._enter(up)
        elif up in self.unfinished:
            self.lowest[task] = min(self.lowest[task], self.number[up])

    def _enter(self, task: str) -> None:
        self.number[task] = self.lowest[task] = len(self.number)
        self.unfinished[task] = None
        self.way.append((task, iter(self.arrows[task])))

    def _leave(self) -> list[str]:
        """Leave the present task; return the component whose first task it is, or an empty one."""
        task, _ = self.way.pop()
        if self.way:
            before = self.way[-1][0]
            self.lowest[before] = min(self.lowest[before], self.lowest[task])
        component: list[str] = []
        while self.lowest[task] == self.number[task] and task not in component[-1:]:
            component.append(self.unfinished.popitem()[0])
        return component


def _shortest(start: str, knot: frozenset[str], arrows: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Search upstream from ``start``, breadth first, until it is met again; the way back is the direction of work."""
    after: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        task = waiting.popleft()
        for up in arrows[task]:
            if up == start:
                return (start, *_followed(task, after), start)
            if up in knot and up not in after:
                after[up] = task
                waiting.append(up)
    raise AssertionError(f"{start} is in no circle")


def _followed(task: str, after: Mapping[str, str]) -> Iterator[str]:
    while task in after:
        yield task
        task = after[task]
