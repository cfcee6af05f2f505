"""How lines run through the gutter between two layers of a text drawing.

Sources that lead to the very same targets share one *net*: a line from each source to the net's
track, along the track, and from the track to each target. A row must not carry a line of one
net to its track and of another from its track at the same place: that constrains the order of
tracks. Constraints that contradict each other allow no routing. The caller then separates the rows
by which lines leave from those by which they arrive.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from airfleet.cli.graph.layers import Vertex


@dataclass(frozen=True)
class Net:
    """Sources and targets that share lines, with the rows where these leave and arrive."""

    sources: tuple[Vertex, ...]
    targets: tuple[Vertex, ...]
    leaves: tuple[int, ...]
    arrives: tuple[int, ...]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last row of the net's track."""
        rows = (*self.leaves, *self.arrives)
        return min(rows), max(rows)

    @property
    def is_straight(self) -> bool:
        """Whether the net is one straight line, which needs no track."""
        return len({*self.leaves, *self.arrives}) == 1


def nets(
    links: Iterable[tuple[Vertex, Vertex]], leave: Mapping[Vertex, int], arrive: Mapping[Vertex, int]
) -> list[Net]:
    """List the links of one gutter, as nets."""
    targets: dict[Vertex, list[Vertex]] = {}
    for source, target in links:
        targets.setdefault(source, []).append(target)
    sources: dict[frozenset[Vertex], list[Vertex]] = {}
    for source, its in targets.items():
        sources.setdefault(frozenset(its), []).append(source)
    return [_net(group, targets[group[0]], leave, arrive) for group in sources.values()]


def _net(
    sources: Sequence[Vertex], targets: Sequence[Vertex], leave: Mapping[Vertex, int], arrive: Mapping[Vertex, int]
) -> Net:
    return Net(
        tuple(sources),
        tuple(targets),
        tuple(leave[vertex] for vertex in sources),
        tuple(arrive[vertex] for vertex in targets),
    )


def tracks(found: Sequence[Net]) -> dict[Net, int] | None:
    """Return the track of each net that needs one, counted from 0; None when no order of tracks is right."""
    bent = [net for net in found if not net.is_straight]
    order = _order(bent)
    if order is None:
        return None
    result: dict[Net, int] = {}
    for net in order:
        earlier = [result[other] + 1 for other in bent if other in result and _must_precede(other, net)]
        track = max(earlier, default=0)
        while any(result[other] == track and _overlap(net, other) for other in result):
            track += 1
        result[net] = track
    return result


def _order(bent: Sequence[Net]) -> list[Net] | None:
    before = {net: {other for other in bent if _must_precede(other, net)} for net in bent}
    try:
        graphlib.TopologicalSorter(before).prepare()
    except graphlib.CycleError:
        return None
    return list(_by_preference(bent, before))


def _by_preference(bent: Sequence[Net], before: Mapping[Net, set[Net]]) -> Iterator[Net]:
    """Order the nets as the constraints allow, as near as possible to the one with few crossings."""
    waiting = sorted(bent, key=_preference)
    done: set[Net] = set()
    while waiting:
        free = next(net for net in waiting if before[net] <= done)
        waiting.remove(free)
        done.add(free)
        yield free


def _preference(net: Net) -> tuple[int, float]:
    # Of lines that go down, the lowest turns first; of lines that go up, the highest: so they do not cross.
    leaves = sum(net.leaves) / len(net.leaves)
    arrives = sum(net.arrives) / len(net.arrives)
    return (0, -leaves) if arrives > leaves else (1, leaves)


def _must_precede(first: Net, second: Net) -> bool:
    """Tell whether a line of ``first`` comes in on a row on which one of ``second`` goes out."""
    return first is not second and not set(first.leaves).isdisjoint(second.arrives)


def _overlap(one: Net, other: Net) -> bool:
    (a, b), (c, d) = one.span, other.span
    return a <= d and c <= b
