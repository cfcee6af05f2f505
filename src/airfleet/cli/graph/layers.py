"""Which task stands in which layer, and in which order: few crossings, every arrow forward.

An arrow that passes a layer gets a *bend* there. Arrows of one task share their bends, so a
task that many later ones need is drawn with one line that branches late.
"""

from __future__ import annotations

import bisect
import functools
import graphlib
import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

SWEEPS = 12
MOST_REACHED = 20_000

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Node:
    """A task: its id, a smaller second line (what it runs), and its group."""

    id: str
    note: str = ""
    group: str = ""


@dataclass(frozen=True)
class Cluster:
    """A group of tasks: its id, the group around it, and a second line."""

    id: str
    parent: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """The id and the second line."""
        return f"{self.id} {self.note}".strip()


@dataclass(frozen=True)
class Graph:
    """Tasks in the order they were written, and (upstream, downstream) pairs."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    clusters: tuple[Cluster, ...] = ()

    def within(self, cluster: str) -> tuple[tuple[Cluster, ...], tuple[Node, ...]]:
        """Return the groups and tasks that stand in a group itself; at the top for the empty id."""
        groups, nodes = self._by_group
        return tuple(groups.get(cluster, ())), tuple(nodes.get(cluster, ()))

    @functools.cached_property
    def _by_group(self) -> tuple[dict[str, list[Cluster]], dict[str, list[Node]]]:
        groups: dict[str, list[Cluster]] = {}
        for one in self.clusters:
            groups.setdefault(one.parent, []).append(one)
        nodes: dict[str, list[Node]] = {}
        for node in self.nodes:
            nodes.setdefault(node.group, []).append(node)
        return groups, nodes


@dataclass(frozen=True)
class Vertex:
    """A task in its layer; or, as ``bend``, where arrows of that task pass a later layer."""

    task: str
    layer: int
    bend: bool = False


@dataclass(frozen=True)
class Layers:
    """The vertices of each layer in order, and the links between neighbouring layers."""

    layers: tuple[tuple[Vertex, ...], ...]
    links: tuple[tuple[Vertex, Vertex], ...]

    @functools.cached_property
    def gutters(self) -> tuple[tuple[tuple[Vertex, Vertex], ...], ...]:
        """The links behind each layer but the last."""
        behind = _grouped((link[0].layer, link) for link in self.links)
        return tuple(tuple(behind.get(layer, ())) for layer in range(len(self.layers) - 1))

    @functools.cached_property
    def sources(self) -> frozenset[Vertex]:
        """The vertices that a link leaves."""
        return frozenset(source for source, _ in self.links)

    def before(self) -> dict[Vertex, list[Vertex]]:
        """Return the vertices that each vertex is linked from."""
        return _grouped((target, source) for source, target in self.links)

    def after(self) -> dict[Vertex, list[Vertex]]:
        """Return the vertices that each vertex is linked to."""
        return _grouped(self.links)


def without_implied(graph: Graph) -> Graph:
    """Return the graph without the edges that a longer way implies: of a→b, b→c and a→c, the last.

    The tasks that can be reached from one are a number with a bit for each. Of more than :data:`MOST_REACHED`
    tasks these would take too much memory; such a graph keeps its edges.
    """
    if len(graph.nodes) > MOST_REACHED:
        return graph
    below = _grouped(graph.edges)
    bit = {node.id: 1 << index for index, node in enumerate(graph.nodes)}
    reach: dict[str, int] = {}
    farther: dict[str, int] = {}
    for task in graphlib.TopologicalSorter({node.id: below.get(node.id, []) for node in graph.nodes}).static_order():
        farther[task] = functools.reduce(operator.or_, (reach[down] for down in below.get(task, ())), 0)
        reach[task] = functools.reduce(operator.or_, (bit[down] for down in below.get(task, ())), farther[task])
    needed = tuple((up, down) for up, down in graph.edges if not farther[up] & bit[down])
    return replace(graph, edges=needed)


def components(graph: Graph) -> tuple[Graph, ...]:
    """List the parts of a graph that have nothing to do with each other, in the order of their first tasks."""
    root = {node.id: node.id for node in graph.nodes}

    def find(task: str) -> str:
        while root[task] != task:
            root[task] = root[root[task]]
            task = root[task]
        return task

    for up, down in graph.edges:
        root[find(down)] = find(up)
    groups = _grouped((find(node.id), node) for node in graph.nodes)
    edges = _grouped((find(up), (up, down)) for up, down in graph.edges)
    return tuple(Graph(tuple(nodes), tuple(edges.get(key, ()))) for key, nodes in groups.items())


def arrange(graph: Graph) -> Layers:
    """Put every task in a layer behind all that it needs.

    Raises:
        graphlib.CycleError: the tasks need each other.
    """
    level = levels(graph)
    links = _links(graph, level)
    vertices = {Vertex(node.id, level[node.id]): None for node in graph.nodes}
    vertices |= {end: None for link in links for end in link}
    layers: list[list[Vertex]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for vertex in vertices:
        layers[vertex.layer].append(vertex)
    return _with_few_crossings(layers, links)


def levels(graph: Graph) -> dict[str, int]:
    """Return the layer of every task, from 0.

    Raises:
        graphlib.CycleError: the tasks need each other.
    """
    above = _grouped((down, up) for up, down in graph.edges)
    needs = {node.id: above.get(node.id, []) for node in graph.nodes}
    needed = _grouped(graph.edges)
    level: dict[str, int] = {}
    for task in graphlib.TopologicalSorter(needs).static_order():
        level[task] = max((level[up] + 1 for up in needs[task]), default=0)
    for task, ups in needs.items():
        # What needs nothing stands just before what needs it, not at the far left.
        if not ups and needed.get(task):
            level[task] = min(level[down] for down in needed[task]) - 1
    return level


def _links(graph: Graph, level: Mapping[str, int]) -> tuple[tuple[Vertex, Vertex], ...]:
    links: dict[tuple[Vertex, Vertex], None] = {}
    bent: dict[str, list[Vertex]] = {}  # how far the bends of each task have come
    for up, down in graph.edges:
        way = bent.setdefault(up, [Vertex(up, level[up])])
        for layer in range(way[-1].layer + 1, level[down]):
            bend = Vertex(up, layer, bend=True)
            links[way[-1], bend] = None
            way.append(bend)
        links[way[level[down] - level[up] - 1], Vertex(down, level[down])] = None
    return tuple(links)


def size(graph: Graph) -> int:
    """Count the lines and boxes of a drawing of the graph, without making them."""
    level = levels(graph)
    farthest: dict[str, int] = {}
    for up, down in graph.edges:
        farthest[up] = max(farthest.get(up, 0), level[down] - level[up] - 1)
    return len(graph.nodes) + len(graph.edges) + 2 * sum(farthest.values())


def _with_few_crossings(layers: list[list[Vertex]], links: tuple[tuple[Vertex, Vertex], ...]) -> Layers:
    """Order each layer by its neighbours' middle, forward and backward; the best of all sweeps wins."""
    best = Layers(tuple(map(tuple, layers)), links)
    before, after = best.before(), best.after()
    fewest = crossings(best)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        neighbours, walk = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for fixed, free in itertools.pairwise(walk):
            _sort_by_middle(free, fixed, neighbours)
        now = Layers(tuple(map(tuple, layers)), links)
        count = crossings(now)
        if count < fewest:
            best, fewest = now, count
    return best


def _sort_by_middle(free: list[Vertex], fixed: Sequence[Vertex], neighbours: Mapping[Vertex, list[Vertex]]) -> None:
    place = {vertex: index for index, vertex in enumerate(fixed)}
    own = {vertex: index * len(fixed) / max(1, len(free)) for index, vertex in enumerate(free)}

    def middle(vertex: Vertex) -> float:
        places = [place[other] for other in neighbours.get(vertex, ())]
        return sum(places) / len(places) if places else own[vertex]

    free.sort(key=middle)


def crossings(layers: Layers) -> int:
    """Count the pairs of links that cross."""
    place = {vertex: index for layer in layers.layers for index, vertex in enumerate(layer)}
    count = 0
    for ends in _grouped((source.layer, (place[source], place[target])) for source, target in layers.links).values():
        ends.sort()
        seen: list[int] = []
        for _, end in ends:
            count += len(seen) - bisect.bisect_right(seen, end)
            bisect.insort(seen, end)
    return count


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
