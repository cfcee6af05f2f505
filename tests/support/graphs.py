"""Graphs of tasks, for tests of drawings."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from airfleet.cli.graph.layers import Graph, Node


def graph(*ways: str) -> Graph:
    """Make a graph of chains: ``graph("a b c", "a c")`` is a→b→c and a→c."""
    chains = [way.split() for way in ways]
    nodes = dict.fromkeys(task for chain in chains for task in chain)
    edges = dict.fromkeys(pair for chain in chains for pair in itertools.pairwise(chain))
    return Graph(tuple(map(Node, nodes)), tuple(edges))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph of up to twelve tasks, without circles."""
    count = draw(st.integers(1, 12))
    names = [f"t{number}" * draw(st.integers(1, 3)) for number in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    return Graph(tuple(map(Node, names)), tuple((names[a], names[b]) for a, b in chosen))
