"""Where across its layer each vertex stands: near its neighbours, never too close to the next.

Each layer is placed by least squares: every vertex wishes to stand at the mean of its neighbours,
and the order and the distances hold (isotonic regression by pooling).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise

from airfleet.cli.graph.layers import Layers, Vertex

ROUNDS = 6
#: A bend insists on its place: long arrows should be straight.
BEND_WEIGHT = 4.0

#: How far a vertex reaches to either side of its position.
Reach = Callable[[Vertex], tuple[float, float]]


def place(layers: Layers, reach: Reach, gap: float) -> dict[Vertex, float]:
    """Return the position of every vertex across its layer; the smallest edge is at 0."""
    before, after = layers.before(), layers.after()
    distances = {layer: _distances(layer, reach, gap) for layer in layers.layers}
    at: dict[Vertex, float] = {}
    for layer in layers.layers:
        at.update(zip(layer, accumulate(distances[layer], initial=0.0), strict=True))
    both = {vertex: before.get(vertex, []) + after.get(vertex, []) for vertex in at}
    steps = [(layers.layers, before), (layers.layers[::-1], after)] * ROUNDS + [(layers.layers, both)] * 2
    for walk, neighbours in steps:
        for layer in walk:
            _settle(layer, distances[layer], neighbours, at)
    _straighten(layers, distances, at)
    start = min((at[vertex] - reach(vertex)[0] for vertex in at), default=0.0)
    return {vertex: position - start for vertex, position in at.items()}


def on_grid(positions: Mapping[Vertex, float], step: int = 1) -> dict[Vertex, int]:
    """Positions rounded to multiples of ``step``; whole distances between them are kept."""
    return {vertex: step * math.floor(position / step + 0.5) for vertex, position in positions.items()}


def _distances(layer: Sequence[Vertex], reach: Reach, gap: float) -> tuple[float, ...]:
    return tuple(reach(a)[1] + gap + reach(b)[0] for a, b in pairwise(layer))


def _settle(
    layer: Sequence[Vertex],
    distances: Sequence[float],
    neighbours: Mapping[Vertex, Sequence[Vertex]],
    at: dict[Vertex, float],
) -> None:
    offsets = list(accumulate(distances, initial=0.0))
    wishes = [_mean([at[other] for other in neighbours.get(vertex, ())], at[vertex]) for vertex in layer]
    weights = [BEND_WEIGHT if vertex.bend else 1.0 for vertex in layer]
    levels = monotone([wish - offset for wish, offset in zip(wishes, offsets, strict=True)], weights)
    at.update(zip(layer, (level + offset for level, offset in zip(levels, offsets, strict=True)), strict=True))


def _straighten(
    layers: Layers, distances: Mapping[tuple[Vertex, ...], tuple[float, ...]], at: dict[Vertex, float]
) -> None:
    """Move what has one arrow in, from something with one arrow out, exactly behind it, where there is room."""
    before, after = layers.before(), layers.after()
    for layer in layers.layers:
        for index, vertex in enumerate(layer):
            source, *others = before.get(vertex, [vertex])
            if others or source is vertex or len(after[source]) > 1:
                continue
            low = at[layer[index - 1]] + distances[layer][index - 1] if index else -math.inf
            high = at[layer[index + 1]] - distances[layer][index] if index + 1 < len(layer) else math.inf
            if low <= at[source] <= high:
                at[vertex] = at[source]


def monotone(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the never-decreasing sequence nearest to ``values`` in weighted least squares.

    >>> monotone([1, 3, 2, 4], [1, 1, 1, 1])
    [1.0, 2.5, 2.5, 4.0]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, total, count = float(value), weight, 1
        while pools and pools[-1][0] > mean:
            other, its_weight, its_count = pools.pop()
            mean = (mean * total + other * its_weight) / (total + its_weight)
            total, count = total + its_weight, count + its_count
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
