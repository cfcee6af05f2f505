"""Tasks that wait for each other: one circle for each knot of them, in a time that grows with the arrows."""

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

    A knot are tasks of which each waits, directly or not, for each other. One that waits for itself alone is none.
    """
    arrows = {task: tuple(up for up in ups if up in upstream and up != task) for task, ups in upstream.items()}
    order = {task: index for index, task in enumerate(arrows)}
    knots = [sorted(knot, key=order.__getitem__) for knot in _knots(arrows) if len(knot) > 1]
    for knot in sorted(knots, key=lambda tasks: order[tasks[0]]):
        yield _shortest(knot[0], frozenset(knot), arrows)


def _shortest(start: str, knot: frozenset[str], arrows: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Upstream from ``start``, breadth first, until it is met again; the way back is the direction of the work."""
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


def _knots(arrows: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Find the strongly connected components (Tarjan), without recursion: chains have ten thousand tasks."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    unfinished: dict[str, None] = {}
    pending: list[tuple[str, Iterator[str]]] = []

    def enter(task: str) -> None:
        number[task] = lowest[task] = len(number)
        unfinished[task] = None
        pending.append((task, iter(arrows[task])))

    def leave(task: str) -> list[str]:
        """Give the knot that ``task`` was the first of, if it was that of any."""
        if pending:
            before = pending[-1][0]
            lowest[before] = min(lowest[before], lowest[task])
        knot: list[str] = []
        while lowest[task] == number[task] and task not in knot[-1:]:
            knot.append(unfinished.popitem()[0])
        return knot

    for root in arrows:
        if root not in number:
            enter(root)
        while pending:
            task = pending[-1][0]
            up = next(pending[-1][1], None)
            if up is None:
                pending.pop()
                yield leave(task)
            elif up not in number:
                enter(up)
            elif up in unfinished:
                lowest[task] = min(lowest[task], number[up])
